// A study as columns: decoded from one letter a value, and changed in place by live updates.
const FIRST_LETTER = 48;
import { narrows } from "./selection.js";

const SHOWN = { front: "f", feasible: "fde", completed: "fdexs", infeasible: "i", failed: "q", open: "rw" };

export class Study {
  constructor(data) {
    Object.assign(this, {
      objectives: data.objectives,
      limits: data.limits,
      references: data.references,
      fidelities: data.fidelities,
      numbers: data.numbers,
      verdicts: [...data.verdicts],
      front: data.front,
      omitted: data.omitted,
      parts: data.parts,
      part: data.part,
      isDerived: data.is_derived,
      tags: new Map(Object.entries(data.tags).map(([number, tags]) => [Number(number), tags])),
    });
    this.parameters = new Map(
      data.parameters.map((p) => [p.name, { ...p, codes: [...p.codes].map((c) => (c === " " ? -1 : c.codePointAt(0) - FIRST_LETTER)) }]),
    );
    this.metrics = new Map(
      data.metrics.map((m) => [
        m.name,
        {
          name: m.name,
          unit: m.unit,
          values: m.values.map((v) => v ?? NaN),
          fidelity: [...m.fidelity].map((c) => (c === " " ? -1 : c.codePointAt(0) - FIRST_LETTER)),
          estimate: [...m.estimate].map((c) => c === "e"),
        },
      ]),
    );
    this.places = new Map(this.numbers.map((number, place) => [number, place]));
  }

  get length() {
    return this.numbers.length;
  }

  goal(metric) {
    return this.objectives.find((o) => o.metric === metric)?.goal;
  }

  values(metric) {
    return this.metrics.get(metric)?.values ?? new Array(this.length).fill(NaN);
  }

  // Where each trial stands along an axis: by a metric, or by a parameter, whose values are numbers
  // or categories; the same as dse/dashboard/data/axes.py.
  along(name) {
    const parameter = this.parameters.get(name);
    if (this.metrics.has(name) || !parameter) return { values: this.values(name), categories: null };
    if (parameter.values.every((text) => /^-?[0-9]+$/.test(text))) {
      const numbers = parameter.values.map(Number);
      const stops = [...numbers].sort((a, b) => a - b);
      return { values: parameter.codes.map((code) => (code < 0 ? NaN : numbers[code])), categories: null, stops };
    }
    const last = parameter.values.length;
    const categories = parameter.codes.includes(-1) ? [...parameter.values, "-"] : [...parameter.values];
    return { values: parameter.codes.map((code) => (code < 0 ? last : code)), categories };
  }

  // The highest fidelity among a trial's metrics, as tables show it.
  fidelity(place) {
    let highest = -1;
    for (const metric of this.metrics.values()) highest = Math.max(highest, metric.fidelity[place]);
    return Math.max(highest, 0);
  }

  // Which trials are chosen, and what each is to the front of those that the filters leave.
  choose(selection) {
    const mask = this.#within(selection);
    const verdicts = narrows(selection) ? this.#judge(mask) : this.verdicts;
    const letters = SHOWN[selection.show];
    if (letters) for (let i = 0; i < mask.length; i++) if (!letters.includes(verdicts[i])) mask[i] = 0;
    return { mask, verdicts };
  }

  #judge(within) {
    const verdicts = this.verdicts.slice();
    const axes = this.objectives.map(({ metric, goal }) => [this.values(metric), goal === "maximise" ? -1 : 1]);
    const rows = [];
    for (let i = 0; i < this.length; i++) {
      if (!within[i] || !"fde".includes(verdicts[i])) continue;
      verdicts[i] = "d";
      rows.push({ i, at: axes.map(([values, sign]) => sign * values[i]) });
    }
    rows.sort((a, b) => a.at.map((v, n) => v - b.at[n]).find(Boolean) ?? a.i - b.i);
    const front = [];
    for (const row of rows) {
      if (front.some(({ at }) => at.every((v, n) => v <= row.at[n]) && at.some((v, n) => v < row.at[n]))) continue;
      const isSame = ({ i, at }) => at.every((v, n) => v === row.at[n]) && [...this.parameters.values()].every((p) => p.codes[i] === p.codes[row.i]);
      const isRepeated = front.some(isSame);
      verdicts[row.i] = isRepeated ? "e" : "f";
      if (!isRepeated) front.push(row);
    }
    return verdicts;
  }

  #within(selection) {
    const mask = new Uint8Array(this.length).fill(1);
    for (const [metric, [low, high]] of Object.entries(selection.box)) {
      const values = this.values(metric);
      for (let i = 0; i < mask.length; i++) if (!(values[i] >= low && values[i] <= high)) mask[i] = 0;
    }
    for (const [name, texts] of Object.entries(selection.only)) {
      const parameter = this.parameters.get(name);
      if (!parameter) continue;
      const codes = new Set(parameter.values.map((v, code) => (texts.includes(v) ? code : -2)));
      if (texts.includes("-")) codes.add(-1);
      for (let i = 0; i < mask.length; i++) if (!codes.has(parameter.codes[i])) mask[i] = 0;
    }
    if (selection.fits || selection.spare) {
      const part = this.parts[selection.fits || this.part] ?? {};
      const limits = Object.entries(part).map(([metric, there]) => [this.values(metric), there * (1 - selection.spare / 100)]);
      for (let i = 0; i < mask.length; i++) {
        if (!limits.some(([values, there]) => values[i] <= there) || limits.some(([values, there]) => values[i] > there)) mask[i] = 0;
      }
    }
    if (selection.tag) {
      for (let i = 0; i < mask.length; i++) if (!this.tags.get(this.numbers[i])?.includes(selection.tag)) mask[i] = 0;
    }
    return mask;
  }

  merge({ trials, front }) {
    for (const trial of trials) {
      let place = this.places.get(trial.number);
      if (place === undefined) {
        place = this.length;
        this.numbers.push(trial.number);
        this.places.set(trial.number, place);
        for (const parameter of this.parameters.values()) parameter.codes[place] = -1;
        for (const metric of this.metrics.values()) {
          metric.values[place] = NaN;
          metric.fidelity[place] = -1;
          metric.estimate[place] = false;
        }
      }
      this.verdicts[place] = trial.verdict;
      this.tags.set(trial.number, trial.tags);
      for (const [name, text] of Object.entries(trial.design)) this.#setParameter(place, name, text);
      for (const [name, [value, unit, fidelity, estimate]] of Object.entries(trial.metrics)) {
        const metric = this.#metric(name, unit);
        metric.values[place] = value;
        metric.fidelity[place] = this.fidelities.indexOf(fidelity);
        metric.estimate[place] = estimate;
      }
    }
    for (const number of this.front) this.verdicts[this.places.get(number)] = "d";
    this.front = front.filter((number) => this.places.has(number));
    for (const number of this.front) this.verdicts[this.places.get(number)] = "f";
    // what the changes say of a trial that left the front for another reason comes last
    for (const trial of trials) if (trial.verdict !== "f") this.verdicts[this.places.get(trial.number)] = trial.verdict;
  }

  #setParameter(place, name, text) {
    if (!this.parameters.has(name)) {
      this.parameters.set(name, { name, varies: true, values: [], codes: new Array(this.length).fill(-1) });
    }
    const parameter = this.parameters.get(name);
    let code = parameter.values.indexOf(text);
    if (code < 0) {
      code = parameter.values.push(text) - 1;
      parameter.varies = parameter.values.length > 1;
    }
    parameter.codes[place] = code;
  }

  #metric(name, unit) {
    if (!this.metrics.has(name)) {
      const empty = (value) => new Array(this.length).fill(value);
      this.metrics.set(name, { name, unit, values: empty(NaN), fidelity: empty(-1), estimate: empty(false) });
    }
    return this.metrics.get(name);
  }

  design(place) {
    const found = [];
    for (const p of this.parameters.values()) if (p.varies && p.codes[place] >= 0) found.push([p.name, p.values[p.codes[place]]]);
    return found;
  }
}

export async function loadStudy(query = "") {
  const base = document.body.dataset.columns; // the one that the page has preloaded
  const address = query ? `${base}&${query}` : base;
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return new Study(await answer.json());
}
