/* Charts of a board, drawn by Observable Plot; each is an element, or null if there is nothing to draw. */
"use strict";

ecg.KINDS = {
  front: { symbol: "diamond", fill: "var(--blue)", said: "on the front" },
  competitor: { symbol: "circle", fill: "var(--grey)", said: "competitor" },
  reference: { symbol: "square", fill: "var(--orange)", said: "reference row" },
  unverified: { symbol: "times", fill: "var(--grey)", said: "not verified" },
};

ecg.kindOf = (row) => (row.front ? "front" : row.kind);

ecg.plot = (label, wide, options) => {
  // a chart as wide as the screen allows: a scaled one would have letters too small to read
  const width = Math.min(wide, document.getElementById("main").clientWidth - 24);
  if (options.marginLeft > 0.55 * width) options.marginLeft = 0.55 * width;
  if (width < 420 && options.marginRight > 60) options.marginRight = 60;
  const drawn = Plot.plot({ width, style: { background: "transparent", color: "inherit", fontSize: "12px", fontFamily: "inherit" }, ...options });
  const svg = drawn.tagName === "svg" ? drawn : drawn.querySelector("svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  // the picture has one name; those that Plot gives to its groups are of no use to a reader of screens
  for (const group of svg.querySelectorAll("g[aria-label]")) {
    group.dataset.mark = group.getAttribute("aria-label");
    group.removeAttribute("aria-label");
    group.removeAttribute("aria-description");
  }
  return drawn;
};

/* Points with intervals of rows by two metrics. */
ecg.points = (board, x, y) => board.rows
  .filter((row) => row.scores[x].value !== undefined && row.scores[y].value !== undefined)
  .map((row) => {
    const [a, b] = [row.scores[x], row.scores[y]];
    return { label: row.label, kind: ecg.kindOf(row), x: a.value, y: b.value, x1: a.low ?? a.value, x2: a.high ?? a.value, y1: b.low ?? b.value, y2: b.high ?? b.value };
  });

ecg.scatter = (board, x, y, options = {}) => {
  const points = ecg.points(board, x, y).filter((p) => !options.log || p.x > 0);
  if (points.length < 2) return null;
  const [mx, my] = [board.metrics[x], board.metrics[y]];
  const marks = [
    my.null !== null && my.null !== undefined ? Plot.ruleY([my.null], { strokeDasharray: "4 3", stroke: "var(--grey)" }) : null,
    options.log ? null : Plot.ruleY(points, { y: "y", x1: "x1", x2: "x2", stroke: "var(--grey)", strokeOpacity: 0.55 }),
    Plot.ruleX(points, { x: "x", y1: "y1", y2: "y2", stroke: "var(--grey)", strokeOpacity: 0.55 }),
    Object.entries(ecg.KINDS).map(([kind, style]) => Plot.dot(points.filter((p) => p.kind === kind), { x: "x", y: "y", symbol: style.symbol, fill: style.fill, stroke: "var(--paper)", r: 5 })),
    Plot.text(points, { x: "x", y: "y", text: "label", dx: 8, textAnchor: "start", fill: "currentColor", stroke: "var(--paper)", strokeWidth: 3, paintOrder: "stroke" }),
  ];
  const drawn = ecg.plot(`${my.label} against ${mx.label}, ${points.length} rows`, 640, {
    height: 460, marginLeft: 50, marginRight: 90, marginBottom: 42,
    x: { label: ecg.heading(mx), reverse: !options.log && mx.better === "lower", type: options.log ? "log" : "linear", grid: true, nice: true, ...(options.log ? { tickFormat: (value) => (Number.isInteger(Math.log10(value)) || Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9 ? d3.format("~g")(value) : "") } : {}) },
    y: { label: ecg.heading(my), reverse: my.better === "lower", grid: true, nice: true },
    marks,
  });
  ecg.untangle(drawn);
  return drawn;
};

/* Move names off each other once they can be measured: beside, above or below their points. */
ecg.untangle = (drawn) => requestAnimationFrame(() => {
  const taken = [];
  const wide = Number((drawn.tagName === "svg" ? drawn : drawn.querySelector("svg")).getAttribute("width"));
  const free = (box) => taken.every((b) => box.x + box.width < b.x || b.x + b.width < box.x || box.y + box.height < b.y || b.y + b.height < box.y);
  const svg = drawn.tagName === "svg" ? drawn : drawn.querySelector("svg");
  for (const text of svg.querySelectorAll('g[data-mark="text"] text')) {
    const own = text.getBBox();
    const [, px, py] = (text.getAttribute("transform") ?? "").match(/translate\(([-\d.]+),([-\d.]+)\)/) ?? [0, 0, 0];
    let best = null;
    for (const dy of [0, -11, 11, -22, 22, -33, 33, -44, 44, 55, -55]) {
      for (const dx of [0, -16 - own.width]) {
        const box = { x: own.x + Number(px) + dx, y: own.y + Number(py) + dy, width: own.width, height: own.height - 2 };
        if (!best && box.x > 45 && box.x + box.width < wide && free(box)) best = { dx, dy, box };
      }
    }
    if (!best) { text.setAttribute("visibility", "hidden"); continue; }
    taken.push(best.box);
    text.setAttribute("transform", `translate(${Number(px) + best.dx},${Number(py) + best.dy})`);
  }
});

/* Dot and whisker of all rows by one metric. */
ecg.whiskers = (board, place) => {
  const metric = board.metrics[place];
  const rows = board.rows.map((row) => ({ label: row.label, kind: ecg.kindOf(row), score: row.scores[place] })).filter((row) => row.score.value !== undefined)
    .map((row) => ({ ...row, value: row.score.value, low: row.score.low ?? row.score.value, high: row.score.high ?? row.score.value }));
  if (!rows.length) return null;
  rows.sort((a, b) => (metric.better === "higher" ? b.value - a.value : a.value - b.value));
  const longest = Math.max(...rows.map((row) => row.label.length));
  return ecg.plot(`${metric.label} of ${rows.length} rows with 95% intervals`, 640, {
    height: 60 + 20 * rows.length, marginLeft: Math.min(260, 20 + 6.8 * longest), marginRight: 20, marginBottom: 40,
    x: { label: ecg.heading(metric), grid: true, nice: true }, y: { label: null, domain: rows.map((row) => row.label) },
    marks: [
      metric.null !== null && metric.null !== undefined ? Plot.ruleX([metric.null], { strokeDasharray: "4 3", stroke: "var(--grey)" }) : null,
      Plot.ruleY(rows, { y: "label", x1: "low", x2: "high", stroke: "currentColor", strokeWidth: 1.5 }),
      Object.entries(ecg.KINDS).map(([kind, style]) => Plot.dot(rows.filter((row) => row.kind === kind), { y: "label", x: "value", symbol: style.symbol, fill: style.fill, stroke: "var(--paper)", r: 5 })),
    ],
  });
};

/* One dot a person. */
ecg.people = (board, label) => {
  const of = board.people_scores[label];
  const rows = board.rows.filter((row) => of[row.label]);
  const dots = rows.flatMap((row) => of[row.label].map(([person, gap]) => ({ label: row.label, person, gap, kind: ecg.kindOf(row) })));
  const mean = (row) => of[row.label].reduce((sum, [, gap]) => sum + gap, 0) / of[row.label].length;
  rows.sort((a, b) => mean(a) - mean(b));
  const places = new Map(rows.map((row, place) => [row.label, place]));
  const longest = Math.max(...rows.map((row) => row.label.length));
  return ecg.plot(`How much each person is given away, by ${label}`, 640, {
    height: 60 + 24 * rows.length, marginLeft: Math.min(260, 20 + 6.8 * longest), marginRight: 20, marginBottom: 40,
    x: { label: "given away →  (0: nobody can tell; 1: nearest as a member, farthest as unseen)", grid: true },
    y: { label: null, domain: [-0.6, rows.length - 0.4], reverse: true, ticks: rows.map((row, place) => place), tickFormat: (place) => rows[place].label },
    marks: [
      Plot.ruleX([0], { stroke: "currentColor" }),
      Plot.dot(dots, { x: "gap", y: (d) => places.get(d.label) + (((d.person * 7) % 9) - 4) / 16, r: 3, fill: "var(--blue)", fillOpacity: 0.45 }),
      Plot.ruleX(rows, { x: mean, y1: (row, place) => place - 0.4, y2: (row, place) => place + 0.4, stroke: "var(--orange)", strokeWidth: 3 }),
    ],
  });
};

/* True against false positives of an attack, where the scores keep them. */
ecg.attack = (board, label) => {
  const rows = board.rows.filter((row) => row.attacks?.[label]);
  const points = rows.flatMap((row) => row.attacks[label].map(([fpr, tpr, low, high]) => ({ label: row.label, kind: ecg.kindOf(row), fpr, tpr: Math.max(tpr, fpr / 10), low: Math.max(low ?? tpr, fpr / 10), high: Math.max(high ?? tpr, fpr / 10) })));
  const rates = [...new Set(points.map((p) => p.fpr))].sort((a, b) => a - b);
  const least = rates[0] / 2;
  const whole = rows.flatMap((row) => (row.roc?.[label] ?? []).filter(([fpr, tpr]) => fpr >= least && tpr > 0).map(([fpr, tpr]) => ({ label: row.label, kind: ecg.kindOf(row), fpr, tpr: Math.max(tpr, fpr / 10) })));
  const end = whole.length ? 1 : Math.min(1, rates[rates.length - 1] * 4);
  const ticks = [...rates, ...[0.1, 1].filter((rate) => rate > rates[rates.length - 1] && rate <= end)];
  const drawnWhole = new Set(whole.map((p) => p.label));
  const last = points.filter((p) => p.fpr === rates[rates.length - 1]).sort((a, b) => b.tpr - a.tpr).filter((p, i) => i < 4 || p.kind === "reference");
  const drawn = ecg.plot(`True positives of ${label} at false-positive rates of ${rates.join(", ")}`, 640, {
    height: 400, marginLeft: 55, marginRight: 110, marginBottom: 42,
    x: { label: "false positives", type: "log", domain: [least, end], ticks, tickFormat: String, grid: true },
    y: { label: "↑ true positives", type: "log", grid: true, tickFormat: "~g", ticks: 5 },
    marks: [
      Plot.line([[least, least], [end, end]], { stroke: "var(--grey)", strokeDasharray: "4 3" }),
      Plot.ruleX(points, { x: "fpr", y1: "low", y2: "high", stroke: "var(--grey)", strokeOpacity: 0.5 }),
      Plot.line([...whole, ...points.filter((p) => !drawnWhole.has(p.label))], { x: "fpr", y: "tpr", z: "label", stroke: (d) => ecg.KINDS[d.kind].fill, strokeOpacity: 0.6 }),
      Object.entries(ecg.KINDS).map(([kind, style]) => Plot.dot(points.filter((p) => p.kind === kind), { x: "fpr", y: "tpr", symbol: style.symbol, fill: style.fill, r: 4 })),
      Plot.text(last, { x: "fpr", y: "tpr", text: "label", dx: 8, textAnchor: "start", fill: "currentColor", stroke: "var(--paper)", strokeWidth: 3, paintOrder: "stroke" }),
    ],
  });
  ecg.untangle(drawn);
  return drawn;
};

/* How many of the metrics tell the row as better than the column. */
ecg.matrix = (board, families) => {
  const rows = board.rows.map((row, place) => ({ row, place })).filter(({ row }) => row.kind === "competitor");
  const places = board.metrics.map((m, place) => ({ m, place })).filter(({ m }) => m.ranked && families.includes(m.family)).map(({ place }) => place);
  if (rows.length < 2 || !places.length) return null;
  const both = (a, b, place) => a.row.scores[place].status === "ok" && b.row.scores[place].status === "ok";
  const wins = (a, b) => places.filter((place) => both(a, b, place) && (b.row.scores[place].ahead ?? []).includes(a.place)).length;
  return ecg.element("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "Who is significantly better than whom" },
    ecg.element("table", { class: "matrix" },
      ecg.element("caption", {}, `Of ${places.length} metrics, those by which the row is significantly better than the column`),
      ecg.element("thead", {}, ecg.element("tr", {}, ecg.element("th", { scope: "col" }, "better ↓ than →"), rows.map(({ row }) => ecg.element("th", { scope: "col" }, row.label)))),
      ecg.element("tbody", {}, rows.map((a) => ecg.element("tr", {}, ecg.element("th", { scope: "row" }, row_link(a.row)),
        rows.map((b) => {
          if (a === b) return ecg.element("td", {}, "·");
          const count = wins(a, b);
          const cell = ecg.element("td", {}, places.some((place) => both(a, b, place)) ? String(count) : "–");
          if (count) cell.style.setProperty("--q", (count / places.length).toFixed(3));
          return cell;
        }))))));
  function row_link(row) { return ecg.element("a", { href: `${row.page}.html` }, row.label); }
};

ecg.curve = (name, cells) => {
  const points = cells.flatMap((cell) => cell.curve[name].map(([step, value]) => ({ seed: `seed ${cell.seed}`, step, value })));
  const positive = points.every((p) => p.value > 0);
  const spread = positive && Math.max(...points.map((p) => p.value)) / Math.min(...points.map((p) => p.value)) > 50;
  return ecg.element("figure", {}, ecg.plot(`Training curve: ${name}`, 320, {
    height: 200, marginLeft: 48, x: { label: "step", ticks: 4 }, y: { label: name, type: spread ? "log" : "linear", grid: true, ticks: 4, tickFormat: spread ? "~g" : undefined },
    marks: [Plot.line(points, { x: "step", y: "value", z: "seed", stroke: "var(--blue)", strokeOpacity: 0.75 })],
  }));
};

ecg.doses = (series) => {
  const points = series.amounts.map((amount, place) => ({ amount: String(amount), worse: series.worse[place] }));
  return ecg.element("figure", {}, ecg.plot(`${series.name}: ${series.response}`, 300, {
    height: 190, marginLeft: 48, marginBottom: 36, x: { label: series.unit, type: "point", domain: points.map((p) => p.amount) }, y: { label: "worse by", grid: true, ticks: 4 },
    marks: [
      series.threshold === null ? null : Plot.rectY([0], { y1: -series.threshold, y2: series.threshold, fill: "var(--grey)", fillOpacity: 0.2 }),
      Plot.ruleY([0]), Plot.line(points, { x: "amount", y: "worse", stroke: "var(--blue)" }), Plot.dot(points, { x: "amount", y: "worse", fill: "var(--blue)", r: 4 }),
    ],
  }), ecg.element("figcaption", {}, `${series.name}${series.claimed ? "*" : ""}: ${series.response}`));
};

/* All charts of a board, each drawn when it comes near the screen. */
ecg.charts = (board, place) => {
  ecg.watch?.disconnect();
  const pending = new Map();
  ecg.watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting && pending.has(target)) {
      const make = pending.get(target);
      pending.delete(target);
      ecg.watch.unobserve(target);
      make();
    }
  }, { rootMargin: "600px" });
  place.replaceChildren(ecg.element("h2", {}, "Charts"));

  /* A figure with a choice above its chart; make(choice) returns the chart. */
  const figure = (name, options, chosen, make, caption, across = false) => {
    if (!options.length) return;
    const space = ecg.element("div", {});
    const draw = (value) => space.replaceChildren(make(value) ?? ecg.element("p", { class: "note" }, "Too few rows have these scores."));
    const made = ecg.element("figure", { class: across ? "across" : null }, ecg.element("h3", {}, name),
      options.length > 1 ? ecg.element("div", { class: "controls" }, ecg.choice("Show", options, chosen, draw)) : null,
      space, ecg.element("figcaption", {}, caption));
    space.style.minHeight = "10rem";
    pending.set(made, () => draw(chosen));
    place.append(made);
    ecg.watch.observe(made);
  };

  const at = (family) => board.metrics.map((m, i) => [i, m.label, m]).filter(([, , m]) => m.family === family);
  const [utility, privacy] = [at("utility"), at("privacy")];
  if (board.axes) {
    const pairs = privacy.filter(([, , m]) => m.ranked).map(([i, label]) => [i, `${label} against ${board.metrics[board.axes[0]].label}`]);
    figure("Utility and privacy", pairs, board.axes[1], (y) => ecg.scatter(board, board.axes[0], Number(y)),
      "Better is up and to the right. ◆ on the front (over all metrics of utility and privacy, shown here or not), ● other competitors, ■ reference rows. Lines are 95% intervals, the dashed line is the null.");
  }
  const all = board.metrics.map((m, i) => [i, m.label]);
  figure("Intervals", all, board.headline[0] ?? 0, (i) => ecg.whiskers(board, Number(i)),
    "Best first. ◆ on the front, ● other competitors, ■ reference rows; a dashed line is the null.");
  const labels = Object.keys(board.people_scores);
  figure("Who is given away", labels.map((l) => [l, l]), labels[0], (l) => ecg.people(board, l),
    "One dot a person, the bar is the mean. A person at 0 is as near to the windows of a generator fitted with their recordings as to those of one fitted without.");
  const attacks = [...new Set(board.rows.flatMap((row) => Object.keys(row.attacks ?? {})))];
  figure("Attacks at low false-positive rates", attacks.map((l) => [l, l]), attacks[0], (l) => ecg.attack(board, l),
    "Log–log. On the dashed line an attack does no better than chance. Marks are means over seeds with 95% intervals, and a curve is that of a row's first seed; where a store has no curves, lines join the marks.");
  const costs = at("cost");
  if (costs.length) {
    const quality = board.headline[0] ?? 0;
    figure("Cost against quality", costs.map(([i, label]) => [i, `${board.metrics[quality].label} against ${label}`]), costs[0][0], (x) => ecg.scatter(board, Number(x), quality, { log: true }),
      "The cost is on a log scale: further left is cheaper.");
  }
  const families = board.families.filter((family) => board.metrics.some((m) => m.family === family && m.ranked));
  figure("Who is significantly better than whom", [["", "all but cost"], ...families.map((f) => [f, f])], "", (f) => ecg.matrix(board, f ? [f] : families.filter((each) => each !== "cost")),
    "Paired by person and seed, corrected for all pairs of a metric. A row that lacks the score is not counted.", true);
};
