// SPDX-License-Identifier: Apache-2.0
// Elements, tables and words. What devices and people wrote goes into pages as text, never as markup.

export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// --- words ---

export const number = (value) => Number(value).toLocaleString("en");

export function percent(part, whole) {
  if (!whole) return "–";
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.1) return "< 0.1 %";
  if (share < 100 && share > 99.9) return "> 99.9 %";
  return `${share.toFixed(share >= 10 && share < 99 ? 0 : 1).replace(/\.0$/, "")} %`;
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let n = Number(value), unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || n >= 99.5 ? Math.round(n) : n.toFixed(n >= 9.95 ? 1 : 2)} ${units[unit]}`;
}

export function duration(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]])
    if (seconds >= 2 * size || (seconds >= size && seconds % size === 0))
      return `${Math.round(seconds / size)} ${unit}`;
  return `${Math.round(seconds)} s`;
}

export function moment(value) {
  if (!value) return "–";
  const date = new Date(value);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return `${day}, ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`;
}

// "3 min ago"; the exact time is its title.
export function ago(value) {
  if (!value) return "–";
  const seconds = Math.max(0, (Date.now() - new Date(value)) / 1000);
  return element("time", { datetime: value, title: moment(value) },
    seconds < 10 ? "just now" : `${duration(seconds)} ago`);
}

export const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

// 1.10 is newer than 1.9; a piece of digits is newer than one of letters.
export function compareVersions(a, b) {
  const pieces = (text) => String(text).match(/\d+|[a-z]+/gi) || [];
  const [left, right] = [pieces(a), pieces(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [x = "", y = ""] = [left[i], right[i]];
    const [m, n] = [/^\d/.test(x), /^\d/.test(y)];
    if (m && n && Number(x) !== Number(y)) return Number(x) - Number(y);
    if (m !== n) return m ? 1 : -1;
    if (!m && x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

// --- pieces of pages ---

export const STATES = ["new", "up-to-date", "offered", "downloading", "installed", "failed", "held"];
const TONES = {
  "up-to-date": "good", ok: "good", active: "good", passed: "good", completed: "good",
  offered: "busy", downloading: "busy", installed: "busy", open: "busy",
  failed: "bad", paused: "bad", recalled: "bad", silent: "bad", "fell back": "bad",
};
const MARKS = { good: "●", busy: "◐", bad: "▲", idle: "○" };
export const toneOf = (state) => TONES[state] || "idle";

// A state is told by its word and its shape; the colour only repeats it.
export function badge(state, tone = toneOf(state)) {
  return element("span", { class: `badge ${tone}` },
    element("span", { class: "mark", "aria-hidden": "true" }, MARKS[tone]), state);
}

export function card(title, ...children) {
  return element("section", { class: "card" }, title ? element("h2", {}, title) : null, ...children);
}

// The same side by side.
export function spread(...rows) {
  return element("dl", { class: "facts spread" }, ...rows.filter(Boolean).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value instanceof Node ? value : text(value)))));
}

export function facts(...rows) {
  return element("dl", { class: "facts" }, ...rows.filter(Boolean).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value instanceof Node ? value : text(value))]));
}

export const text = (value) => (value === null || value === undefined || value === "" ? "–" : String(value));

// columns: { title, value(row), kind: classes of cells }. In narrow windows columns of kind "more" are left out.
export function table(caption, columns, rows) {
  const head = element("tr", {}, ...columns.map((c) => element("th", { scope: "col", class: c.kind }, c.title)));
  const body = rows.map((row) => element("tr", {}, ...columns.map((c) => {
    const value = c.value(row);
    return element("td", { class: c.kind }, value instanceof Node ? value : value ?? "");
  })));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element("table", {}, element("caption", { class: "unseen" }, caption),
      element("thead", {}, head), element("tbody", {}, ...body)));
}

// What to do when there is nothing to see yet.
export function empty(title, what, ...commands) {
  return element("div", { class: "empty" }, element("p", { class: "strong" }, title), what ? element("p", {}, what) : null,
    commands.length ? element("pre", { tabindex: "0" }, commands.join("\n")) : null);
}

export const link = (href, ...children) => element("a", { href }, ...children);
export const place = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

// Parts of a whole, side by side; words beside it must say the same. parts: [tone, count].
export function bar(parts, whole, label) {
  const svg = drawn("svg", { class: "bar", viewBox: "0 0 1000 10", preserveAspectRatio: "none", role: "img", "aria-label": label });
  let x = 0;
  for (const [tone, count] of parts) {
    const width = whole ? (1000 * count) / whole : 0;
    if (width > 0) svg.append(drawn("rect", { class: tone, x, width: Math.max(width, 3), height: 10 }));
    x += width;
  }
  return svg;
}

// Once the dialog is closed, and not shown again already; nothing of it stays: there may be a secret in it.
export function whenClosed(box, done) {
  box.addEventListener("close", function closed() {
    if (box.open) return;
    box.removeEventListener("close", closed);
    box.replaceChildren();
    done();
  });
}
