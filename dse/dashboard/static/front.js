// The front: a scatter of all trials over two metrics, with pointer, keyboard and box.
import { categoryRange, init, palette, range, seriesColours, shortened, ticks } from "./chart.js";
import { loadStudy } from "./data.js";
import { change, clearFilters, narrows, onSelection, selected, showChosen, toQuery } from "./selection.js";
import { metricText, tickText } from "./words.js";

const GRID = { left: 74, right: 22, top: 18, bottom: 46 };
const SHAPES = ["triangle", "circle", "diamond", "rect"];
// shapes that look equally large
const SHAPE_SCALE = { triangle: 1.15, circle: 1, diamond: 1.35, rect: 0.9 };
const SHAPE_WORDS = { triangle: "▲", circle: "●", diamond: "◆", rect: "■" };
const CROSS = "path://M0,0L10,10M10,0L0,10";
const LARGE = 2000;
const NEAR_PX = 16;
const DRAG_PX = 5;

const node = document.getElementById("front-chart");
let study = null;
let verdicts = []; // of the selection
let chart = null;
let axes = null;
let points = [];
let order = [];
let focus = -1;

export async function start() {
  study = await load();
  chart = init(node, null, { renderer: "canvas" });
  node.classList.add("drawn");
  chart.on("finished", () => {
    if (!("drawn" in node.dataset)) performance.mark("front-drawn");
    node.dataset.drawn = String(points.length);
  });
  draw();
  onSelection((selection) => {
    draw();
    // of a sample, the front of a selection is not all there
    if (study.omitted && narrows(selection)) reload();
  });
  document.addEventListener("changes", ({ detail }) => {
    if (study.isDerived) return reload();
    study.merge(detail);
    draw();
    notify();
  });
  document.addEventListener("columns-stale", reload);
  document.addEventListener("theme-changed", draw);
  new ResizeObserver(() => {
    chart.resize();
    draw();
  }).observe(node);
  pointer();
  keyboard();
  startParallel();
}

async function load() {
  const first = await loadStudy();
  return first.omitted && narrows(selected()) ? loadStudy(toQuery(selected())) : first;
}

async function reload() {
  study = await load();
  draw();
  notify();
}

const notify = () => document.dispatchEvent(new CustomEvent("study-changed", { detail: study }));

function startParallel() {
  const target = document.getElementById("parallel-chart");
  const watcher = new IntersectionObserver(async (entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    const parallel = await import("./parallel.js");
    parallel.start(target, study);
  }, { rootMargin: "300px" });
  watcher.observe(target);
}

const place = (axis, from, to, value) =>
  from + (axis.isLog ? Math.log(value / axis.low) / Math.log(axis.high / axis.low) : (value - axis.low) / (axis.high - axis.low)) * (to - from);

function back(axis, from, to, pixel) {
  const share = Math.min(Math.max((pixel - from) / (to - from), 0), 1);
  return axis.isLog ? axis.low * (axis.high / axis.low) ** share : axis.low + share * (axis.high - axis.low);
}

function classify(selection) {
  const across = study.along(selection.x);
  const upward = study.along(selection.y);
  const [x, y] = [across.values, upward.values];
  const { mask, verdicts: own } = study.choose(selection);
  verdicts = own;
  const groups = { faint: [], dominated: [], bad: [], front: [] };
  let missing = 0;
  let chosen = 0;
  for (let i = 0; i < study.length; i++) {
    chosen += mask[i];
    const verdict = verdicts[i];
    if (!Number.isFinite(x[i]) || !Number.isFinite(y[i])) {
      if (mask[i] && !"rw".includes(verdict)) missing++;
      continue;
    }
    if (!mask[i] || verdict === "s") groups.faint.push(i);
    else if (verdict === "f") groups.front.push(i);
    else if ("ixq".includes(verdict)) groups.bad.push(i);
    else groups.dominated.push(i);
  }
  return { x, y, groups, missing, chosen, kinds: { x: across, y: upward } };
}

// The border of what the shown trials dominate in these two metrics, best first.
function border(selection, x, y, groups) {
  const goals = [study.goal(selection.x), study.goal(selection.y)];
  if (goals.includes(undefined) || selection.x === selection.y) return [];
  const [sx, sy] = goals.map((goal) => (goal === "maximise" ? -1 : 1));
  const kept = [...groups.front, ...groups.dominated.filter((i) => verdicts[i] === "d")];
  kept.sort((a, b) => sx * (x[a] - x[b]) || sy * (y[a] - y[b]));
  const steps = [];
  let best = Infinity;
  for (const i of kept) {
    if (sy * y[i] >= best) continue;
    best = sy * y[i];
    steps.push([x[i], y[i]]);
  }
  return steps;
}

function draw() {
  const selection = selected();
  const colours = palette();
  const { x, y, groups, missing, chosen, kinds } = classify(selection);
  const shown = [...groups.front, ...groups.dominated, ...groups.bad, ...groups.faint];
  const lines = referenceLines(selection);
  const reach = (which, values, scale) =>
    kinds[which].categories
      ? categoryRange(kinds[which].categories)
      : { ...range(shown.map((i) => values[i]), scale, lines.filter((l) => l.isReference && l.axis === which).map((l) => l.value)), stops: kinds[which].stops };
  axes = { x: reach("x", x, selection.xs), y: reach("y", y, selection.ys) };
  const size = sizes(selection, shown);
  const grouping = groupsOf(selection.colour);
  showColours(grouping);
  const series = [
    ...scatter(groups.faint, { colour: colours.dominated, opacity: 0.12, px: () => 5 }, x, y),
    ...scatter(groups.dominated, { grouping, colour: colours.dominated, opacity: groups.dominated.length > LARGE ? 0.6 : 0.8, px: size ?? (() => (groups.dominated.length > LARGE ? 5 : 8)), isSized: Boolean(size) }, x, y),
    {
      type: "scatter", silent: true, animation: false, symbol: CROSS, symbolSize: 8, z: 3,
      itemStyle: { color: "transparent", borderColor: colours.bad, borderWidth: 1.6 },
      data: groups.bad.map((i) => [x[i], y[i]]),
    },
    {
      type: "line", silent: true, animation: false, symbol: "none", step: "end", z: 4,
      lineStyle: { color: colours.front, width: 2 },
      data: border(selection, x, y, groups),
      markLine: markLines(lines, colours, selection),
    },
    ...scatter(groups.front, { grouping, colour: colours.front, opacity: 1, px: size ?? (() => 11), z: 5, edge: colours.surface, isSized: Boolean(size) }, x, y),
  ];
  chart.setOption({ animation: false, grid: GRID, xAxis: axis("x", selection.x, colours), yAxis: axis("y", selection.y, colours), series }, { notMerge: true });
  layOut(x, y, shown, groups);
  describe(selection, shown, missing);
  showChosen(selection, chosen);
}

// Values of a parameter that have a colour of their own; the others share the last.
const MOST_COLOURS = 8;

function groupsOf(name) {
  const parameter = study.parameters.get(name);
  if (!parameter) return null;
  const texts = [...parameter.values, ...(parameter.codes.includes(-1) ? ["-"] : [])];
  const shown = texts.length > MOST_COLOURS ? [...texts.slice(0, MOST_COLOURS - 1), "others"] : texts;
  const last = shown.length - 1;
  const group = (i) => Math.min(parameter.codes[i] < 0 ? texts.length - 1 : parameter.codes[i], last);
  return { name, shown, group, colours: seriesColours(shown.length) };
}

function showColours(grouping) {
  const key = document.getElementById("colours");
  key.replaceChildren();
  if (!grouping) return;
  key.append(`${grouping.name}: `);
  grouping.shown.forEach((text, n) => {
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    mark.setAttribute("class", "mark");
    mark.setAttribute("viewBox", "0 0 14 14");
    mark.setAttribute("width", "14");
    mark.setAttribute("height", "14");
    mark.setAttribute("aria-hidden", "true");
    const dot = mark.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "circle"));
    dot.setAttribute("class", `c-series-mark-${n}`);
    for (const [name, value] of [["cx", 7], ["cy", 7], ["r", 5]]) dot.setAttribute(name, value);
    key.append(mark, ` ${text} `);
  });
}

function scatter(places, look, x, y) {
  const alike = new Map();
  for (const i of places) {
    const shape = SHAPES[study.fidelity(i)];
    const group = look.grouping ? look.grouping.group(i) : -1;
    const key = `${shape} ${group}`;
    if (!alike.has(key)) alike.set(key, { symbol: shape, colour: group < 0 ? look.colour : look.grouping.colours[group], list: [] });
    alike.get(key).list.push(i);
  }
  return [...alike.values()].map(({ symbol, colour, list }) => ({
    type: "scatter", silent: true, animation: false, symbol, z: look.z ?? 2,
    large: list.length > LARGE && !look.isSized, largeThreshold: LARGE,
    symbolSize: look.isSized ? (_, { dataIndex }) => look.px(list[dataIndex]) * SHAPE_SCALE[symbol] : look.px() * SHAPE_SCALE[symbol],
    itemStyle: { color: colour, opacity: look.opacity, borderColor: look.edge, borderWidth: look.edge ? 1.2 : 0 },
    data: list.map((i) => [x[i], y[i]]),
  }));
}

function sizes(selection, shown) {
  if (!selection.size) return null;
  const values = study.values(selection.size);
  const { low, high } = range(shown.map((i) => values[i]), "linear");
  return (i) => (Number.isFinite(values[i]) ? 5 + 19 * Math.sqrt(Math.max(values[i] - low, 0) / (high - low)) : 4);
}

function axis(which, metric, colours) {
  const { low, high, isLog, categories, stops } = axes[which];
  const goal = study.goal(metric);
  const unit = study.metrics.get(metric)?.unit ?? "";
  const says = unit && !metric.endsWith(`_${unit.toLowerCase()}`) && unit !== metric ? ` [${unit}]` : "";
  const length = which === "x" ? node.clientWidth - GRID.left - GRID.right : node.clientHeight - GRID.top - GRID.bottom;
  const marks = ticks(axes[which], Math.max(Math.floor(length / (which === "x" ? 90 : 60)), 2));
  return {
    type: isLog ? "log" : "value", min: low, max: high,
    name: `${metric}${says}${goal ? ` (${goal})` : ""}${isLog ? ", log" : ""}`,
    nameLocation: "middle", nameGap: which === "x" ? 28 : 56, nameTextStyle: { color: colours.soft, fontSize: 12 },
    axisLine: { show: true, onZero: false, lineStyle: { color: colours.axis } },
    axisTick: { customValues: marks, lineStyle: { color: colours.axis } },
    axisLabel: { customValues: marks, color: colours.soft, formatter: (value) => (categories ? shortened(categories[value]) : stops ? String(value) : tickText(metric, value)), fontSize: 12 },
    splitLine: { lineStyle: { color: colours.grid } },
    minorTick: { show: false },
  };
}

function referenceLines(selection) {
  const lines = [];
  for (const which of ["x", "y"]) {
    const metric = selection[which];
    for (const r of study.references) if (r.metric === metric) lines.push({ axis: which, value: r.value, name: r.name, isReference: true });
    if (metric in study.limits) lines.push({ axis: which, value: study.limits[metric], name: "limit of the part", isReference: false });
  }
  return lines;
}

function markLines(lines, colours, selection) {
  return {
    silent: true, animation: false, symbol: "none",
    lineStyle: { color: colours.limit, type: "dashed", width: 1.4 },
    data: lines
      .filter((l) => l.value >= axes[l.axis].low && l.value <= axes[l.axis].high)
      .map((l) => ({
        [l.axis === "x" ? "xAxis" : "yAxis"]: l.value,
        label: { formatter: `${l.name}: ${tickText(selection[l.axis], l.value)}`, color: colours.limit, position: l.axis === "x" ? "insideEndTop" : "insideEndTop", fontSize: 12 },
      })),
  };
}

function layOut(x, y, shown, groups) {
  const [left, right] = [GRID.left, node.clientWidth - GRID.right];
  const [top, bottom] = [GRID.top, node.clientHeight - GRID.bottom];
  points = shown.map((i) => ({ i, px: place(axes.x, left, right, x[i]), py: place(axes.y, bottom, top, y[i]) }));
  order = points.slice().sort((a, b) => a.px - b.px || a.py - b.py);
  const still = points.find((p) => study.numbers[p.i] === focus);
  if (focus >= 0 && still) point(still, false);
  else leave();
  node.dataset.points = String(points.length);
  node.dataset.front = String(groups.front.length);
}

function describe(selection, shown, missing) {
  const used = [...new Set(shown.map((i) => study.fidelity(i)))].sort();
  const words = used.map((f) => `${SHAPE_WORDS[SHAPES[f]]} ${study.fidelities[f]}`);
  if (verdicts.includes("s")) words.push("faint: measured further by a promotion");
  if (missing) words.push(`${missing} without these values are not drawn`);
  if (study.omitted) words.push(`a sample: ${study.omitted.toLocaleString("en")} of the trials behind the front are not drawn`);
  const off = referenceLines(selection).filter((l) => l.value < axes[l.axis].low || l.value > axes[l.axis].high);
  for (const line of off) words.push(`${line.name} (${tickText(selection[line.axis], line.value)} ${selection[line.axis]}) lies beyond the chart`);
  document.getElementById("shapes").textContent = words.join(" · ");
  node.setAttribute("aria-label", node.getAttribute("aria-label").replace(/^Scatter of \S+ over \S+\./, `Scatter of ${selection.y} over ${selection.x}.`));
}

// --- pointing

const ring = Object.assign(document.createElement("div"), { className: "ring", hidden: true });
const hint = Object.assign(document.createElement("div"), { className: "hint-box", hidden: true });
const band = Object.assign(document.createElement("div"), { className: "band", hidden: true });

function nearest(px, py) {
  let best = null;
  let least = NEAR_PX ** 2;
  for (const p of points) {
    // a trial on the front wins over those around it
    const distance = ((p.px - px) ** 2 + (p.py - py) ** 2) * (verdicts[p.i] === "f" ? 0.4 : 1);
    if (distance < least) [best, least] = [p, distance];
  }
  return best;
}

const WORDS = { f: "on the front", d: "dominated", e: "equal to a trial on the front", x: "breaks a constraint", s: "measured further by a promotion", i: "infeasible", q: "failed", r: "running", w: "waiting" };

function point(p, isAloud) {
  const number = study.numbers[p.i];
  focus = number;
  node.dataset.focus = String(number);
  ring.hidden = hint.hidden = false;
  ring.style.transform = `translate(${p.px - 11}px, ${p.py - 11}px)`;
  const title = Object.assign(document.createElement("b"), { textContent: `Trial ${number}` });
  const state = Object.assign(document.createElement("span"), { className: "soft", textContent: ` ${WORDS[verdicts[p.i]]}, ${study.fidelities[study.fidelity(p.i)]}` });
  const list = document.createElement("dl");
  const add = (name, value) => list.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
  for (const metric of study.metrics.values()) {
    const value = metric.values[p.i];
    if (Number.isFinite(value)) add(metric.name, metricText(metric.name, value, metric.estimate[p.i]));
  }
  for (const [name, value] of study.design(p.i)) add(name, value);
  hint.replaceChildren(title, state, list);
  const isLeft = p.px > node.clientWidth / 2;
  hint.classList.toggle("left", isLeft);
  const height = hint.offsetHeight;
  const top = Math.min(Math.max(p.py - height / 2, 4), Math.max(node.clientHeight - height - 4, 4));
  hint.style.transform = `translate(${isLeft ? p.px - 18 - hint.offsetWidth : p.px + 18}px, ${top}px)`;
  if (isAloud) document.getElementById("said").textContent = `${title.textContent}${state.textContent}: ${[...list.children].map((e) => e.textContent).join(" ")}`;
}

function leave() {
  ring.hidden = hint.hidden = true;
  focus = -1;
  delete node.dataset.focus;
}

const openTrial = (number) => location.assign(`/studies/${encodeURIComponent(document.body.dataset.study)}/trials/${number}`);

function pointer() {
  node.append(ring, hint, band);
  let from = null;
  const at = (event) => {
    const box = node.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = at(event);
    node.setPointerCapture(event.pointerId);
  });
  node.addEventListener("pointermove", (event) => {
    const [px, py] = at(event);
    if (from && Math.hypot(px - from[0], py - from[1]) > DRAG_PX) {
      leave();
      band.hidden = false;
      band.style.transform = `translate(${Math.min(px, from[0])}px, ${Math.min(py, from[1])}px)`;
      band.style.width = `${Math.abs(px - from[0])}px`;
      band.style.height = `${Math.abs(py - from[1])}px`;
      return;
    }
    const near = nearest(px, py);
    node.classList.toggle("over", Boolean(near));
    if (near) point(near, false);
    else leave();
  });
  node.addEventListener("pointerup", (event) => {
    const to = at(event);
    const isBox = !band.hidden;
    band.hidden = true;
    if (from && isBox) select(from, to);
    else if (from) {
      const near = nearest(...to);
      if (near) openTrial(study.numbers[near.i]);
    }
    from = null;
  });
  node.addEventListener("pointercancel", () => {
    from = null;
    band.hidden = true;
  });
  node.addEventListener("pointerleave", () => from || leave());
}

function select([ax, ay], [bx, by]) {
  const [left, right] = [GRID.left, node.clientWidth - GRID.right];
  const [top, bottom] = [GRID.top, node.clientHeight - GRID.bottom];
  const xs = [ax, bx].map((p) => back(axes.x, left, right, p)).sort((a, b) => a - b);
  const ys = [ay, by].map((p) => back(axes.y, bottom, top, p)).sort((a, b) => a - b);
  const round = (value) => Number(value.toPrecision(6));
  const { x, y, box, only } = selected();
  const patch = { box: { ...box }, only: { ...only } };
  for (const [name, [low, high]] of [[x, xs], [y, ys]]) {
    const parameter = study.metrics.has(name) ? null : study.parameters.get(name);
    if (!parameter) patch.box[name] = [low, high].map(round);
    else {
      // of a parameter the values within the box are kept, not a range
      const { values } = study.along(name);
      const kept = new Set();
      for (let i = 0; i < study.length; i++) if (values[i] >= low && values[i] <= high) kept.add(parameter.codes[i]);
      if (kept.size) patch.only[name] = [...kept].sort((a, b) => (a < 0) - (b < 0) || a - b).map((code) => (code < 0 ? "-" : parameter.values[code]));
    }
  }
  change(patch);
}

function keyboard() {
  const step = (list, by) => {
    if (!list.length) return;
    const now = list.findIndex((p) => study.numbers[p.i] === focus);
    const next = now < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(now + by, 0), list.length - 1);
    point(list[next], true);
  };
  node.addEventListener("keydown", (event) => {
    const front = () => order.filter((p) => verdicts[p.i] === "f");
    const acts = {
      ArrowRight: () => step(front(), 1),
      ArrowLeft: () => step(front(), -1),
      ArrowUp: () => step(order, 1),
      ArrowDown: () => step(order, -1),
      Home: () => order.length && point(order[0], true),
      End: () => order.length && point(order.at(-1), true),
      Enter: () => focus >= 0 && openTrial(focus),
      Escape: () => (focus >= 0 ? leave() : clearFilters()),
    };
    if (!(event.key in acts) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  });
  node.addEventListener("blur", leave);
}
