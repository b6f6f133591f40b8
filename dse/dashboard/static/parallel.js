// Parallel coordinates: parameters and objectives of the chosen trials, with axes to brush.
import { init, palette, range, text } from "./chart.js";
import { change, onSelection, selected } from "./selection.js";

const MOST_LINES = 1500;
const MOST_PARAMETERS = 12;

let chart = null;
let node = null;
let study = null;
let isOwnChange = false;

export function start(target, first) {
  node = target;
  study = first;
  chart = init(node, null, { renderer: "canvas" });
  draw();
  onSelection(() => isOwnChange || draw());
  document.addEventListener("study-changed", ({ detail }) => {
    study = detail;
    draw();
  });
  document.addEventListener("theme-changed", draw);
  new ResizeObserver(() => {
    chart.resize();
    draw();
  }).observe(node);
  chart.on("axisareaselected", brush);
  const button = document.getElementById("parallel-svg");
  button.addEventListener("click", (event) => {
    event.preventDefault();
    save(button.dataset.name);
  });
}

// The same chart drawn once more as SVG, for a file.
function save(name) {
  const still = init(null, null, { renderer: "svg", ssr: true, width: node.clientWidth, height: node.clientHeight });
  still.setOption(option());
  const file = new Blob([still.renderToSVGString()], { type: "image/svg+xml" });
  still.dispose();
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

// The share of an objective's variance that a parameter explains: which axes are worth their place.
function shareExplained(parameter, values, places) {
  const groups = new Map();
  let [sum, squares, count] = [0, 0, 0];
  for (const i of places) {
    if (!Number.isFinite(values[i])) continue;
    const group = groups.get(parameter.codes[i]) ?? [0, 0];
    groups.set(parameter.codes[i], [group[0] + values[i], group[1] + 1]);
    sum += values[i];
    squares += values[i] ** 2;
    count++;
  }
  const whole = squares - sum ** 2 / count;
  let between = 0;
  for (const [s, n] of groups.values()) between += s ** 2 / n;
  return whole > 0 ? (between - sum ** 2 / count) / whole : 0;
}

function draw() {
  chart.setOption(option(), { notMerge: true });
}

function option() {
  const colours = palette();
  const { mask, verdicts } = study.choose(selected());
  const names = study.objectives.map((o) => o.metric).filter((n) => study.metrics.has(n));
  const all = [];
  for (let i = 0; i < study.length; i++) if (mask[i] && names.every((n) => Number.isFinite(study.values(n)[i]))) all.push(i);
  const front = all.filter((i) => verdicts[i] === "f");
  const others = all.filter((i) => verdicts[i] !== "f");
  const every = Math.max(1, Math.ceil(others.length / MOST_LINES));
  const sampled = others.filter((_, n) => n % every === 0);
  const varying = [...study.parameters.values()].filter((p) => p.varies);
  const ranked = varying
    .map((p) => [p, names.length ? shareExplained(p, study.values(names[0]), all) : 0])
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST_PARAMETERS)
    .map(([p]) => p);
  const axes = [...ranked.map((p) => ({ id: `p:${p.name}`, parameter: p })), ...names.map((n) => ({ id: `m:${n}`, metric: n }))];
  const row = (i) => axes.map((a) => (a.metric ? study.values(a.metric)[i] : a.parameter.codes[i] < 0 ? "–" : a.parameter.values[a.parameter.codes[i]]));
  const lines = (list, colour, opacity, width, z) => ({
    type: "parallel", animation: false, silent: true, z, progressive: 0,
    lineStyle: { color: colour, opacity, width }, inactiveOpacity: 0.04, activeOpacity: opacity, data: list.map(row),
  });
  node.dataset.lines = String(sampled.length + front.length);
  say(all, front, sampled, varying.length - ranked.length, names[0]);
  return {
    animation: false,
    parallel: {
      left: 84, right: 60, top: 54, bottom: 22,
      parallelAxisDefault: {
        z: 5, nameLocation: "end", nameGap: 22, nameTruncate: { maxWidth: 190 },
        nameTextStyle: { color: colours.ink, fontSize: 12, lineHeight: 17 },
        axisLine: { lineStyle: { color: colours.axis } }, axisTick: { show: false },
        axisLabel: { color: colours.ink, fontSize: 11, backgroundColor: colours.surface, padding: [1, 3], borderRadius: 3 },
        areaSelectStyle: { width: 18, borderColor: colours.front, color: colours.front, opacity: 0.18 },
      },
    },
    parallelAxis: axes.map((a, dim) => axis(a, dim, all)),
    series: [
      lines(sampled, colours.dominated, sampled.length > 300 ? 0.12 : 0.35, 1, 1),
      lines(front, colours.front, 0.9, 1.8, 2),
    ],
  };
}

function axis({ id, parameter, metric }, dim, all) {
  // names in two heights, so that long ones do not run into each other
  const name = `${metric ?? parameter.name}${dim % 2 ? "\n" : ""}`;
  if (parameter) {
    const data = [...parameter.values, ...(parameter.codes.some((c) => c < 0) ? ["–"] : [])];
    return { id, dim, name, type: "category", data };
  }
  const { low, high, isLog } = range(all.map((i) => study.values(metric)[i]), "auto");
  return { id, dim, name, type: isLog ? "log" : "value", min: low, max: high, axisLabel: { formatter: text, showMinLabel: false, showMaxLabel: false } };
}

function say(all, front, sampled, left, first) {
  const hint = document.getElementById("parallel-hint");
  node.hidden = !all.length;
  if (!all.length) {
    hint.textContent = "Nothing to draw until a chosen trial has completed within the constraints.";
    return;
  }
  const words = ["Drag along an axis to keep only the trials that pass there; a click on the axis takes it back."];
  const count = sampled.length + front.length;
  if (count < all.length) words.push(`${count.toLocaleString("en")} of ${all.length.toLocaleString("en")} trials are drawn: those on the front and an even sample.`);
  if (left > 0) words.push(`The ${MOST_PARAMETERS} parameters that go most with ${first}; ${left} more are in the table.`);
  hint.textContent = words.join(" ");
}

function brush(event) {
  const { parallelAxisId: id, intervals } = event.batch?.[0] ?? event;
  if (!id) return;
  const [kind, name] = [id.slice(0, 1), id.slice(2)];
  const { box, only } = structuredClone(selected());
  const [interval] = intervals ?? [];
  if (kind === "m") {
    delete box[name];
    if (interval) box[name] = interval.map((v) => Number(v.toPrecision(6)));
  } else {
    delete only[name];
    const parameter = study.parameters.get(name);
    const texts = [...parameter.values, "-"];
    const kept = interval ? texts.filter((_, n) => n >= interval[0] - 0.5 && n <= interval[1] + 0.5) : [];
    if (kept.length) only[name] = kept;
  }
  isOwnChange = true;
  change({ box, only });
  isOwnChange = false;
}
