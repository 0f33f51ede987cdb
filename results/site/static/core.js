/* The data of a page, its state in the address, and elements made of plain text. */
"use strict";

const ecg = {};

ecg.data = JSON.parse(document.getElementById("data")?.textContent ?? "null");

/* An element with attributes and children; text stays text, whatever it holds. */
ecg.element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
};

/* The state of a page as an object of texts, from and to the part of the address after #. */
ecg.state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

ecg.remember = (name, value) => {
  if (value === null || value === undefined || value === "") delete ecg.state[name];
  else ecg.state[name] = String(value);
  const told = new URLSearchParams(ecg.state).toString();
  history.replaceState(null, "", told ? `#${told}` : location.pathname.split("/").pop() + location.search);
};

/* A number with three significant digits. */
ecg.number = (value) => {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e9) return value.toExponential(1);
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(size))));
};

/* Numbers of one column with the same decimals: three significant digits of their median. */
ecg.decimals = (values) => {
  const sizes = values.filter((v) => v !== null && v !== 0).map(Math.abs).sort((a, b) => a - b);
  if (!sizes.length) return 0;
  const middle = sizes[Math.floor((sizes.length - 1) / 2)];
  return Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(middle))));
};

ecg.fixed = (value, decimals) =>
  Math.abs(value) >= 1e9 ? value.toExponential(1) : value.toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1");

ecg.heading = (metric) =>
  `${metric.label} ${metric.better === "higher" ? "↑" : "↓"}${{ passes: "✓", fails: "✗" }[metric.audit] ?? ""}`;

/* The share of the way from gaussian-noise (0) to real (1); null if they cannot be told apart. */
ecg.distance = (board, place, value) => {
  if (value === null || value === undefined || board.floor === null || board.ceiling === null) return null;
  const [floor, ceiling] = [board.floor, board.ceiling].map((row) => board.rows[row].scores[place]);
  if (floor.value === undefined || ceiling.value === undefined) return null;
  const apart = [floor.low, floor.high, ceiling.low, ceiling.high].every((end) => end !== undefined)
    ? floor.high < ceiling.low || ceiling.high < floor.low
    : floor.value !== ceiling.value;
  return apart ? (value - floor.value) / (ceiling.value - floor.value) : null;
};

/* A labelled choice; options are [value, text]. */
ecg.choice = (label, options, chosen, change) => {
  const select = ecg.element(
    "select",
    { onchange: () => change(select.value) },
    options.map(([value, text]) => ecg.element("option", { value, selected: String(value) === String(chosen) }, text)),
  );
  return ecg.element("label", {}, label, select);
};

ecg.tick = (label, on, change, attributes = {}) => {
  const box = ecg.element("input", { type: "checkbox", onchange: () => change(box.checked), ...attributes });
  box.checked = on;
  return ecg.element("label", {}, box, label);
};
