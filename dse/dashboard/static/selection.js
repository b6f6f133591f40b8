// The choice of what to see. It lives in the address, so that links, back and forward keep it: axes,
// filters, weights, ticks, and the order and page of the tables.
import { metricText, quantity, refusal } from "./words.js";

const PART_STATE = ["sort", "page", "effect", "over", "course", "by", "with", "of", "across", "down"];
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
    if (metric) box[metric] = [low ? quantity(low, metric) : -Infinity, high ? quantity(high, metric) : Infinity];
  }
  for (const [name, value] of query) {
    const [, end, metric] = /^(low|high)-(.+)$/.exec(name) ?? [];
    if (!end || value === "") continue;
    box[metric] ??= [-Infinity, Infinity];
    box[metric][end === "low" ? 0 : 1] = quantity(value, metric);
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
    colour: pick("colour", query.get("colour")) ?? "",
    xs: pick("xs", query.get("xs")) ?? "auto",
    ys: pick("ys", query.get("ys")) ?? "auto",
    show: pick("show", query.get("show")) ?? "all",
    fits: pick("fits", query.get("fits")) ?? "",
    spare: percent(query.get("spare") ?? "") ?? 0,
    tag: query.get("tag") ?? "",
    derive: [...new Set(query.getAll("derive").filter(Boolean))],
    weights: weightsOf(query),
    ticks: [...new Set(query.getAll("tick").map(Number).filter(Boolean))],
    state: Object.fromEntries(PART_STATE.filter((name) => query.get(name)).map((name) => [name, query.get(name)])),
    box,
    only,
  };
}

// Percent, or null for what is none.
function percent(text) {
  const value = Number(text.replace("%", ""));
  return value >= 0 && value < 100 ? value : null;
}

function weightsOf(query) {
  const weights = {};
  for (const text of query.getAll("weight")) {
    const at = text.lastIndexOf(":");
    if (at > 0) weights[text.slice(0, at)] = Number(text.slice(at + 1));
  }
  for (const [name, value] of query) if (name.startsWith("weight-") && value) weights[name.slice(7)] = Number(value);
  return weights;
}

const bound = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(10))) : "");

// As people write it, unless that would be another number.
function boundText(metric, value) {
  const words = metricText(metric, value);
  return Number.isFinite(value) && quantity(words, metric) === value ? words : bound(value);
}

export function toQuery(selection) {
  const query = new URLSearchParams({ x: selection.x, y: selection.y });
  if (selection.size) query.set("size", selection.size);
  if (selection.colour) query.set("colour", selection.colour);
  if (selection.xs !== "auto") query.set("xs", selection.xs);
  if (selection.ys !== "auto") query.set("ys", selection.ys);
  for (const [metric, [low, high]] of Object.entries(selection.box)) {
    query.append("box", `${metric}:${bound(low)}:${bound(high)}`);
  }
  for (const [name, values] of Object.entries(selection.only)) query.append("only", `${name}:${values.join("|")}`);
  if (selection.show !== "all") query.set("show", selection.show);
  if (selection.fits) query.set("fits", selection.fits);
  if (selection.spare) query.set("spare", selection.spare);
  if (selection.tag) query.set("tag", selection.tag);
  for (const formula of selection.derive) query.append("derive", formula);
  for (const [name, weight] of Object.entries(selection.weights)) query.append("weight", `${name}:${weight}`);
  for (const number of selection.ticks) query.append("tick", number);
  for (const [name, value] of Object.entries(selection.state)) query.set(name, value);
  return query.toString().replaceAll("%3A", ":").replaceAll("%7C", "|");
}

export const isFiltering = (selection) =>
  selection.show !== "all" || narrows(selection);

// Whether trials are left out for another reason than what they are to the front.
export const narrows = (selection) =>
  Boolean(selection.fits || selection.spare || selection.tag) || Object.keys(selection.box).length > 0 || Object.keys(selection.only).length > 0;

export const selected = () => current;

export function onSelection(listener) {
  listeners.add(listener);
}

const FILTERS = ["box", "only", "show", "fits", "spare", "tag"];

export function change(patch) {
  const next = { ...current, ...patch };
  // other trials have other pages
  if (FILTERS.some((name) => name in patch && JSON.stringify(patch[name]) !== JSON.stringify(current[name]))) next.state = { ...next.state, page: undefined };
  next.state = Object.fromEntries(Object.entries(next.state).filter(([, value]) => value));
  const query = toQuery(next);
  if (query === toQuery(current)) return;
  if (next.derive.join() !== current.derive.join()) return location.assign(`?${query}`); // the server computes it
  history.pushState(null, "", `?${query}`);
  apply(next);
}

// A tick is kept in the address, but is no step to go back from, and changes no table.
function tick(number, isTicked) {
  const ticks = current.ticks.filter((other) => other !== number);
  current = { ...current, ticks: isTicked ? [...ticks, number] : ticks };
  history.replaceState(null, "", `?${toQuery(current)}`);
  showTicks();
}

function showTicks() {
  for (const box of document.querySelectorAll("input[name=trials]")) box.checked = current.ticks.includes(Number(box.value));
  const words = current.ticks.length ? `Compare ${current.ticks.join(", ")}` : "Compare the ticked";
  for (const button of document.querySelectorAll("form[action$='/compare'] .foot button")) button.textContent = words;
}

function apply(next) {
  current = next;
  fill(next);
  for (const listener of listeners) listener(next);
  document.body.dispatchEvent(new CustomEvent("selection-changed"));
}

function fill(selection) {
  const form = document.getElementById("selection");
  for (const name of ["x", "y", "size", "colour", "xs", "ys", "show", "fits"]) form.elements[name].value = selection[name];
  for (const input of form.querySelectorAll("input[name^='low-'], input[name^='high-']")) {
    const [, end, metric] = /^(low|high)-(.+)$/.exec(input.name);
    const range = selection.box[metric];
    if (input.ariaInvalid !== "true") input.value = range ? boundText(metric, range[end === "low" ? 0 : 1]) : "";
  }
  form.elements.spare.value = selection.spare || "";
  const tags = form.elements.tag;
  if (![...tags.options].some((option) => option.value === selection.tag)) tags.add(new Option(selection.tag, selection.tag));
  tags.value = selection.tag;
  for (const input of form.querySelectorAll("input[name^='weight-']")) input.value = selection.weights[input.name.slice(7)] ?? "";
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
    [metric, Number.isFinite(low) ? `≥ ${metricText(metric, low)}` : "", Number.isFinite(low) && Number.isFinite(high) ? "and" : "", Number.isFinite(high) ? `≤ ${metricText(metric, high)}` : ""]
      .filter(Boolean)
      .join(" "),
  );
  for (const [name, values] of Object.entries(selection.only)) words.push(`${name} is ${values.join(" or ")}`);
  if (selection.fits) words.push(`fits ${selection.fits}`);
  if (selection.spare) words.push(`${selection.spare} % to spare`);
  if (selection.tag) words.push(`tagged ${selection.tag}`);
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

export function clearFilters() {
  for (const input of document.querySelectorAll("#selection [aria-invalid]")) input.ariaInvalid = null;
  document.getElementById("refused-limit").textContent = "";
  fill(current);
  change({ box: {}, only: {}, show: "all", fits: "", spare: 0, tag: "" });
}

// What the form says; what it says and nobody can read is named beside it, and left as it was.
function read(form) {
  const box = {};
  const refused = [];
  for (const input of form.querySelectorAll("input[name^='low-'], input[name^='high-']")) {
    const [, end, metric] = /^(low|high)-(.+)$/.exec(input.name);
    const side = end === "low" ? 0 : 1;
    const typed = input.value.trim();
    let value = typed === "" ? NaN : quantity(typed, metric);
    // a field shows fewer digits than a drawn box has: untouched, it stays the same
    const before = current.box[metric]?.[side];
    if (before !== undefined && typed === boundText(metric, before)) value = before;
    const isRefused = typed !== "" && !Number.isFinite(value);
    input.ariaInvalid = isRefused ? "true" : null;
    if (isRefused) {
      refused.push(refusal(typed, metric));
      value = before;
    }
    if (!Number.isFinite(value)) continue;
    box[metric] ??= [-Infinity, Infinity];
    box[metric][side] = value;
  }
  const weights = {};
  for (const input of form.querySelectorAll("input[name^='weight-']")) {
    const weight = Number(input.value);
    if (input.value.trim() === "") continue;
    if (weight >= 0) weights[input.name.slice(7)] = weight;
    else refused.push(`“${input.value}” is no weight: use a number, 0 or more.`);
  }
  const spare = percent(form.elements.spare.value.trim());
  if (spare === null) refused.push(`“${form.elements.spare.value}” is no share to spare: use percent, 0 to 99.`);
  const derive = [...form.querySelectorAll("input[name=derive]")].filter((i) => i.type !== "checkbox" || i.checked).map((i) => i.value.trim()).filter(Boolean);
  document.getElementById("refused-limit").textContent = refused.join(" ");
  const only = {};
  for (const field of form.querySelectorAll("select[name^='only-']")) if (field.value) only[field.name.slice(5)] = field.value.split("|");
  const value = (name) => form.elements[name].value;
  return { x: value("x"), y: value("y"), size: value("size"), colour: value("colour"), xs: value("xs"), ys: value("ys"), show: value("show"), fits: value("fits"), spare: spare ?? current.spare, tag: value("tag"), box, only, weights, derive };
}

export function startSelection() {
  const form = document.getElementById("selection");
  if (!form) return;
  current = parse(location.search);
  showTicks();
  // what is typed into is not filled in anew: a wrong text stays, to be mended
  form.addEventListener("change", () => change(read(form)));
  form.addEventListener("keydown", (event) => {
    const panel = event.target.closest("details.ranges");
    if (event.key !== "Escape" || !panel?.open) return;
    panel.open = false;
    panel.querySelector("summary").focus();
  });
  document.addEventListener("change", ({ target }) => {
    if (target.name === "trials" && target.type === "checkbox") tick(Number(target.value), target.checked);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.action.endsWith("/compare") || !current.ticks.length) return;
    event.preventDefault();
    location.assign(`${new URL(event.target.action).pathname}?${current.ticks.map((n) => `trials=${n}`).join("&")}`);
  });
  document.body.addEventListener("htmx:afterSettle", showTicks);
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
  addEventListener("popstate", () => {
    const next = parse(location.search);
    if (next.derive.join() !== current.derive.join()) location.reload();
    else apply(next);
    showTicks();
  });
  // parts of the page are asked for with the choice as it is now, and with their own state
  document.body.addEventListener("htmx:configRequest", (event) => {
    const { path, elt } = event.detail;
    if (!path.includes("/parts/")) return;
    const [base, given = ""] = path.split("?");
    // a link of a part names its new state, which the address then has, too
    // a form sends its fields beside the path
    const fields = [...(event.detail.formData ?? [])];
    const named = [...new URLSearchParams(given), ...fields].filter(([name]) => PART_STATE.includes(name));
    for (const [name] of fields) event.detail.formData.delete(name);
    if (!elt.classList.contains("part") && named.length) {
      current = { ...current, state: { ...current.state, ...Object.fromEntries(named) } };
      history.pushState(null, "", `?${toQuery(current)}`);
    }
    event.detail.path = `${base}?${toQuery(current)}`;
  });
}
