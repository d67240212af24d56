// SPDX-License-Identifier: Apache-2.0
// Two charts in SVG: layers over time, and bars over time. Drawn anew when their place changes its width.
import { drawn, element, number, table } from "./dom.js";

const EDGE = { top: 10, bottom: 24, left: 46 };
const LABEL_WIDTH = 96;
const LABEL_HEIGHT = 15;
const NARROW = 520;

function niceCeiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // A quarter of each is round, too.
  for (const step of [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10]) if (value <= step * power * 1.0001) return step * power;
  return 10 * power;
}

function short(value) {
  if (value >= 1e6) return `${+(value / 1e6).toFixed(2)} M`;
  if (value >= 1e4) return `${+(value / 1e3).toFixed(1)} k`;
  return number(+value.toFixed(value < 10 ? 2 : 0));
}

const HOUR = 3600, DAY = 24 * HOUR;

// Round times of the reader's own zone, at most n of them.
function ticks(from, to, n) {
  const step = [300, 900, 1800, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 91 * DAY, 182 * DAY]
    .find((s) => (to - from) / s <= n) || 365 * DAY;
  const zone = new Date(to * 1000).getTimezoneOffset() * 60;
  const list = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) list.push(t);
  return { step, list };
}

function tickText(t, step) {
  const date = new Date(t * 1000);
  if (step < DAY) return date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleDateString("en-GB", step < 60 * DAY ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" });
}

function whenText(t) {
  return new Date(t * 1000).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

class Chart {
  constructor(options) {
    this.options = options;
    this.place = element("div", { class: "plot", tabindex: "0", role: "group", "aria-label": options.label });
    this.note = element("div", { class: "note", hidden: true });
    this.said = element("p", { class: "unseen", "aria-live": "polite" });
    this.details = element("details", { class: "numbers", ontoggle: () => this.tabulate() }, element("summary", {}, "As a table"));
    this.node = element("figure", { class: "chart" }, this.place, this.said, this.details);
    this.at = -1;
    this.place.addEventListener("pointermove", (event) => this.point(event));
    this.place.addEventListener("pointerleave", () => this.move(-1));
    this.place.addEventListener("blur", () => this.move(-1));
    this.place.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => {
      if (this.place.clientWidth !== this.width) this.draw();
    }).observe(this.place);
  }

  show(data) {
    this.data = data;
    this.draw();
    if (this.details.open) this.tabulate();
  }

  draw() {
    if (!this.data || !this.place.clientWidth) return;
    this.width = this.place.clientWidth;
    this.height = this.options.height || 240;
    this.right = this.options.labels && this.width >= NARROW ? LABEL_WIDTH : 8;
    this.max = niceCeiling(this.highest());
    const svg = drawn("svg", { width: this.width, height: this.height, role: "img", "aria-label": this.summary() });
    this.grid(svg);
    this.marks(svg);
    this.cursor = drawn("line", { class: "cursor", y1: EDGE.top, y2: this.height - EDGE.bottom, visibility: "hidden" });
    svg.append(this.cursor);
    this.place.replaceChildren(svg, this.note);
    this.move(this.at);
  }

  x(t) {
    return EDGE.left + ((t - this.data.from) / (this.data.to - this.data.from || 1)) * (this.width - EDGE.left - this.right);
  }

  y(value) {
    return this.height - EDGE.bottom - (value / this.max) * (this.height - EDGE.top - EDGE.bottom);
  }

  grid(svg) {
    for (let i = 0; i <= 4; i++) {
      const value = (this.max * i) / 4, y = Math.round(this.y(value)) + 0.5;
      svg.append(drawn("line", { class: i ? "grid" : "base", x1: EDGE.left, x2: this.width - this.right, y1: y, y2: y }),
        drawn("text", { class: "axis", x: EDGE.left - 6, y: y + 4, "text-anchor": "end" }, short(value)));
    }
    const { step, list } = ticks(this.data.from, this.data.to, Math.max(2, Math.floor((this.width - EDGE.left - this.right) / 76)));
    for (const t of list) {
      const x = this.x(t);
      if (x > this.width - this.right - 12 && this.right < 20) continue;
      svg.append(drawn("line", { class: "tick", x1: x, x2: x, y1: this.height - EDGE.bottom, y2: this.height - EDGE.bottom + 4 }),
        drawn("text", { class: "axis", x, y: this.height - 6, "text-anchor": "middle" }, tickText(t, step)));
    }
  }

  // --- the cursor: by pointer, or arrow keys ---

  point(event) {
    const box = this.place.getBoundingClientRect();
    const times = this.times();
    const t = this.data.from + ((event.clientX - box.left - EDGE.left) / (this.width - EDGE.left - this.right)) * (this.data.to - this.data.from);
    let best = -1;
    for (let i = 0; i < times.length; i++) if (best < 0 || Math.abs(times[i] - t) < Math.abs(times[best] - t)) best = i;
    this.move(best);
  }

  key(event) {
    const last = this.times().length - 1;
    const from = this.at < 0 ? last + 1 : this.at;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.move(event.key === "Escape" ? -1 : Math.min(Math.max(to, 0), last));
    if (this.at >= 0) this.said.textContent = `${whenText(this.times()[this.at])}: ${this.rows(this.at).map(([name, value]) => `${name} ${value}`).join(", ")}`;
  }

  move(at) {
    if (!this.cursor) return;
    this.at = at < this.times().length ? at : -1;
    this.note.hidden = this.at < 0;
    this.cursor.setAttribute("visibility", this.at < 0 ? "hidden" : "visible");
    if (this.at < 0) return;
    const t = this.times()[this.at], x = this.x(t);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    this.note.replaceChildren(element("p", { class: "strong" }, whenText(t)), ...this.rows(this.at).map(([name, value, tone]) =>
      element("p", {}, tone ? element("span", { class: `key ${tone}`, "aria-hidden": "true" }) : null, element("span", {}, name), element("b", {}, value))));
    this.note.style.left = `${Math.min(Math.max(x + (x > this.width / 2 ? -this.note.offsetWidth - 12 : 12), 0), this.width - this.note.offsetWidth)}px`;
    this.note.style.top = `${EDGE.top}px`;
  }

  tabulate() {
    if (!this.details.open || !this.data) return;
    const rows = this.times().map((_, i) => i).reverse().slice(0, 200);
    const names = rows.length ? this.rows(rows[0], true).map(([name]) => name) : [];
    this.details.replaceChildren(this.details.firstElementChild, table(this.options.label, [
      { title: "Time", value: (i) => whenText(this.times()[i]) },
      ...names.map((name, k) => ({ title: name, kind: "n", value: (i) => this.rows(i, true)[k][1] })),
    ], rows));
  }
}

// data: { from, to, series: [{ name, tone, points: Map of time to value }] }, from the bottom up.
export class Layers extends Chart {
  show(data) {
    const times = new Set();
    for (const series of data.series) for (const t of series.points.keys()) times.add(t);
    this.sorted = [...times].sort((a, b) => a - b);
    const sums = this.sorted.map(() => 0);
    this.stacks = data.series.map((series) => this.sorted.map((t, i) => {
      const low = sums[i];
      sums[i] += series.points.get(t) || 0;
      return [low, sums[i]];
    }));
    this.sums = sums;
    super.show(data);
  }

  times() {
    return this.sorted;
  }

  highest() {
    return Math.max(1, ...this.sums);
  }

  rows(i, all = false) {
    return this.data.series.map((series, k) => [series.name, this.stacks[k][i][1] - this.stacks[k][i][0], series.tone])
      .filter(([, value]) => all || value > 0).map(([name, value, tone]) => [name, number(value), tone]).reverse();
  }

  summary() {
    const last = this.sorted.length - 1;
    return last < 0 ? "nothing yet" : `${this.options.label}. Now: ${this.rows(last).map(([name, value]) => `${name}: ${value}`).join(", ")}`;
  }

  marks(svg) {
    this.data.series.forEach((series, k) => {
      const stack = this.stacks[k];
      const up = this.sorted.map((t, i) => `${this.x(t).toFixed(1)},${this.y(stack[i][1]).toFixed(1)}`);
      const down = this.sorted.map((t, i) => `${this.x(t).toFixed(1)},${this.y(stack[i][0]).toFixed(1)}`).reverse();
      svg.append(drawn("path", { class: `layer ${series.tone}`, d: `M${up.join("L")}L${down.join("L")}Z` }));
    });
    if (this.right === LABEL_WIDTH) this.names(svg);
  }

  // At the right end, each beside its layer, none upon another.
  names(svg) {
    const last = this.sorted.length - 1;
    if (last < 0) return;
    let free = this.height;
    const labels = this.data.series.map((series, k) => ({ series, stack: this.stacks[k][last] })).filter(({ stack }) => stack[1] > stack[0]);
    for (const label of labels) free = label.y = Math.min(this.y((label.stack[0] + label.stack[1]) / 2) + 4, free - LABEL_HEIGHT);
    free = EDGE.top - 4;
    for (const label of [...labels].reverse()) free = label.y = Math.max(label.y, free + LABEL_HEIGHT);
    for (const { series, y } of labels) {
      svg.append(drawn("rect", { class: `layer ${series.tone}`, x: this.width - this.right + 6, y: y - 9, width: 9, height: 9, rx: 2 }),
        drawn("text", { class: "name", x: this.width - this.right + 20, y }, series.name));
    }
  }
}

// data: { from, to, step, unit, values }: one bar for each step.
export class Bars extends Chart {
  times() {
    return this.data.values.map((_, i) => this.data.from + i * this.data.step);
  }

  highest() {
    return Math.max(this.options.least || 1, ...this.data.values);
  }

  rows(i) {
    return [[this.data.unit, short(this.data.values[i])]];
  }

  summary() {
    return `${this.options.label}. Highest: ${short(Math.max(0, ...this.data.values))} ${this.data.unit}`;
  }

  marks(svg) {
    const width = this.x(this.data.from + this.data.step) - this.x(this.data.from);
    this.data.values.forEach((value, i) => {
      if (value <= 0) return;
      const y = this.y(value);
      svg.append(drawn("rect", { class: "rod", x: this.x(this.data.from + i * this.data.step), y, width: Math.max(width - 1, 0.8), height: this.height - EDGE.bottom - y }));
    });
  }
}
