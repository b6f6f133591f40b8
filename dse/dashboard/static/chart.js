// What charts share: ECharts, colours of the page, axes.
import { short } from "./words.js";
export { init } from "./vendor/echarts.js";

const WIDE = 20;

export function palette() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    ink: read("--ink"), soft: read("--soft"), grid: read("--line"), axis: read("--axis"), front: read("--front"),
    dominated: read("--dominated"), bad: read("--bad"), limit: read("--limit"), surface: read("--surface"),
  };
}

// Colours of groups side by side, as the style sheet has them for drawings.
export function seriesColours(count) {
  const probe = document.body.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  const found = Array.from({ length: count }, (_, n) => {
    const mark = probe.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "circle"));
    mark.setAttribute("class", `c-series-mark-${n}`);
    const { fill } = getComputedStyle(mark);
    // mixed colours are shares of one, others numbers up to 255
    const parts = fill.match(/[\d.]+(?:e-?\d+)?/g).slice(0, 3).map(Number);
    return `rgb(${parts.map((part) => Math.round(fill.startsWith("color") ? part * 255 : part)).join(", ")})`;
  });
  probe.remove();
  return found;
}

export function range(values, scale, more = []) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of [values, more]) {
    for (const value of list) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return { low: 0, high: 1, isLog: false };
  const isLog = low > 0 && (scale === "log" || (scale === "auto" && high >= WIDE * low));
  if (isLog) {
    const room = high > low ? (high / low) ** 0.04 : 1.5;
    return { low: low / room, high: high * room, isLog };
  }
  const room = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  return { low: low >= 0 ? Math.max(low - room, 0) : low - room, high: high + room, isLog };
}

// A place of its own for each category.
export const categoryRange = (categories) => ({ low: -0.5, high: categories.length - 0.5, isLog: false, categories });

const LONGEST = 11;
export const shortened = (text) => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`);

// Round values on an axis. ECharts has ticks at powers of ten only where an axis is logarithmic.
export function ticks({ low, high, isLog, categories, stops }, most) {
  if (categories) {
    const step = Math.ceil(categories.length / most);
    return categories.map((_, place) => place).filter((place) => place % step === 0);
  }
  if (stops) {
    const share = (value) => (isLog ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
    const found = [];
    for (const stop of stops) if (!found.length || share(stop) - share(found.at(-1)) >= 1 / (1.7 * most)) found.push(stop);
    return found;
  }
  if (!isLog) {
    const raw = (high - low) / Math.max(most, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].find((f) => f * power >= raw * 0.999) * power;
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high * (1 + 1e-9); n++) found.push(n * step);
    return found;
  }
  const decades = [];
  for (let d = Math.floor(Math.log10(low)); d <= Math.ceil(Math.log10(high)); d++) decades.push(d);
  for (const factors of [[1, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]]) {
    const found = decades.flatMap((d) => factors.map((f) => f * 10 ** d)).filter((v) => v >= low && v <= high);
    if (found.length <= most) return found;
  }
  return decades.map((d) => 10 ** d).filter((v) => v >= low && v <= high);
}

export const text = short;
