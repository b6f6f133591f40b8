// The choice of what to see. It lives in the address, so that links, back and forward keep it.
const PART_STATE = ["sort", "page", "effect", "over"];
const listeners = new Set();
let current = null;

export function parse(search) {
  const query = new URLSearchParams(search);
  const form = document.getElementById("selection");
  const field = (name) => form.elements[name];
  const pick = (name, value) =>
    value !== null && [...field(name).options].some((o) => o.value === value) ? value : null;
  const box = {};
  for (const text of query.getAll("box")) {
    const [metric, low, high] = text.split(":");
    if (metric) box[metric] = [low ? Number(low) : -Infinity, high ? Number(high) : Infinity];
  }
  for (const [name, value] of query) {
    const [, end, metric] = /^(low|high)-(.+)$/.exec(name) ?? [];
    if (!end || value === "") continue;
    box[metric] ??= [-Infinity, Infinity];
    box[metric][end === "low" ? 0 : 1] = Number(value);
  }
  const only = {};
  for (const text of query.getAll("only")) {
    const at = text.indexOf(":");
    if (at > 0) only[text.slice(0, at)] = text.slice(at + 1).split("|");
  }
  for (const [name, value] of query) if (name.startsWith("only-") && value) only[name.slice(5)] = value.split("|");
  return {
    x: pick("x", query.get("x")) ?? form.dataset.x ?? field("x").value,
    y: pick("y", query.get("y")) ?? form.dataset.y ?? field("y").value,
    size: pick("size", query.get("size")) ?? "",
    xs: pick("xs", query.get("xs")) ?? "auto",
    ys: pick("ys", query.get("ys")) ?? "auto",
    show: pick("show", query.get("show")) ?? "all",
    box,
    only,
  };
}

const bound = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(10))) : "");

export function toQuery(selection) {
  const query = new URLSearchParams({ x: selection.x, y: selection.y });
  if (selection.size) query.set("size", selection.size);
  if (selection.xs !== "auto") query.set("xs", selection.xs);
  if (selection.ys !== "auto") query.set("ys", selection.ys);
  for (const [metric, [low, high]] of Object.entries(selection.box)) {
    query.append("box", `${metric}:${bound(low)}:${bound(high)}`);
  }
  for (const [name, values] of Object.entries(selection.only)) query.append("only", `${name}:${values.join("|")}`);
  if (selection.show !== "all") query.set("show", selection.show);
  return query.toString().replaceAll("%3A", ":").replaceAll("%7C", "|");
}

export const isFiltering = (selection) =>
  selection.show !== "all" || Object.keys(selection.box).length > 0 || Object.keys(selection.only).length > 0;

export const selected = () => current;

export function onSelection(listener) {
  listeners.add(listener);
}

export function change(patch) {
  const next = { ...current, ...patch };
  const query = toQuery(next);
  if (query === toQuery(current)) return;
  history.pushState(null, "", `?${query}`);
  apply(next);
}

function apply(next) {
  current = next;
  fill(next);
  for (const listener of listeners) listener(next);
  document.body.dispatchEvent(new CustomEvent("selection-changed"));
}

function fill(selection) {
  const form = document.getElementById("selection");
  for (const name of ["x", "y", "size", "xs", "ys", "show"]) form.elements[name].value = selection[name];
  for (const input of form.querySelectorAll("input[name^='low-'], input[name^='high-']")) {
    const [, end, metric] = /^(low|high)-(.+)$/.exec(input.name);
    const range = selection.box[metric];
    input.value = range ? bound(range[end === "low" ? 0 : 1]) : "";
  }
  for (const field of form.querySelectorAll("select[name^='only-']")) {
    const kept = (selection.only[field.name.slice(5)] ?? []).join("|");
    if (![...field.options].some((option) => option.value === kept)) field.add(new Option(kept.replaceAll("|", " or "), kept));
    field.value = kept;
  }
  const query = toQuery(selection);
  for (const link of document.querySelectorAll("#part-front .head .files a, a[data-follows]")) {
    link.search = query;
  }
}

export function showChosen(selection, count) {
  const output = document.getElementById("chosen");
  output.replaceChildren();
  if (!isFiltering(selection)) return;
  const words = Object.entries(selection.box).map(([metric, [low, high]]) =>
    [metric, Number.isFinite(low) ? `≥ ${short(low)}` : "", Number.isFinite(low) && Number.isFinite(high) ? "and" : "", Number.isFinite(high) ? `≤ ${short(high)}` : ""]
      .filter(Boolean)
      .join(" "),
  );
  for (const [name, values] of Object.entries(selection.only)) words.push(`${name} is ${values.join(" or ")}`);
  if (selection.show !== "all") words.push(`only ${selection.show}`);
  const tag = document.createElement("span");
  tag.className = "tag";
  tag.textContent = words.join("; ");
  const clear = document.createElement("button");
  clear.type = "button";
  clear.className = "quiet";
  clear.textContent = "Clear";
  clear.addEventListener("click", clearFilters);
  output.append(tag, ` ${count.toLocaleString("en")} trials `, clear);
}

export const clearFilters = () => change({ box: {}, only: {}, show: "all" });

export function short(value) {
  const size = Math.abs(value);
  for (const [power, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= power) return `${Number((value / power).toPrecision(4))}${letter}`;
  }
  return String(Number(value.toPrecision(4)));
}

function read(form) {
  const box = {};
  for (const input of form.querySelectorAll("input[name^='low-'], input[name^='high-']")) {
    const [, end, metric] = /^(low|high)-(.+)$/.exec(input.name);
    const value = Number(input.value);
    if (input.value.trim() === "" || !Number.isFinite(value)) continue;
    box[metric] ??= [-Infinity, Infinity];
    box[metric][end === "low" ? 0 : 1] = value;
  }
  const only = {};
  for (const field of form.querySelectorAll("select[name^='only-']")) if (field.value) only[field.name.slice(5)] = field.value.split("|");
  const value = (name) => form.elements[name].value;
  return { x: value("x"), y: value("y"), size: value("size"), xs: value("xs"), ys: value("ys"), show: value("show"), box, only };
}

export function startSelection() {
  const form = document.getElementById("selection");
  if (!form) return;
  current = parse(location.search);
  form.addEventListener("change", () => change(read(form)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change(read(form));
  });
  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-pair], [data-clear]");
    if (!link) return;
    event.preventDefault();
    if ("clear" in link.dataset) return clearFilters();
    const query = new URLSearchParams(link.search);
    change({ x: query.get("x"), y: query.get("y") });
  });
  addEventListener("popstate", () => apply(parse(location.search)));
  // parts of the page are asked for with the choice as it is now, and with their own state
  document.body.addEventListener("htmx:configRequest", (event) => {
    const { path, elt } = event.detail;
    if (!path.includes("/parts/")) return;
    const own = elt.classList.contains("part") ? (elt.firstElementChild?.dataset.query ?? "") : "";
    const [base, given = ""] = path.split("?");
    // a link of the part names its own state; the choice is that of the page
    const state = [...new URLSearchParams(own || given)].filter(([name]) => PART_STATE.includes(name));
    event.detail.path = `${base}?${[new URLSearchParams(state).toString(), toQuery(current)].filter(Boolean).join("&")}`;
  });
}
