/* Every column of a board: what is shown, as plain cells, and the table made of them. */
"use strict";

ecg.SHOW = { value: "values", rank: "ranks", distance: "distance from real (0 gaussian-noise, 1 real)" };

/* The chosen columns and rows, with the text of each cell. */
ecg.chosen = (board, choice) => {
  const columns = [];
  for (const family of choice.ranks ? board.ranks : []) columns.push({ name: `rank ${family}`, heading: `rank ${family}`, family, isRank: true });
  board.metrics.forEach((metric, place) => {
    if (choice.families.has(metric.family) && choice.suites.has(metric.suite)) columns.push({ name: metric.label, heading: ecg.heading(metric), metric, place, isMetric: true });
  });
  const rows = board.rows.filter((row) =>
    (row.kind === "reference" ? choice.references : row.kind === "unverified" ? choice.unverified : choice.kinds.has(row.family))
    && row.label.toLowerCase().includes(choice.search.toLowerCase()));
  const decimals = columns.map((c) => (c.isRank || choice.show === "rank" ? 0
    : choice.show === "distance" ? 2 : ecg.decimals(rows.map((row) => row.scores[c.place].value ?? null))));
  const told = rows.map((row) => ({
    label: row.label, page: row.page, kind: row.kind, marks: row.marks, front: row.front,
    cells: columns.map((column, at) => ecg.cell(board, row, column, decimals[at], choice)),
  }));
  const at = columns.findIndex((column) => column.name === choice.sort);
  if (choice.sort === "generator") told.sort((a, b) => a.label.localeCompare(b.label) * (choice.up ? 1 : -1));
  else if (at >= 0) told.sort((a, b) => {
    const [x, y] = [a.cells[at].shown, b.cells[at].shown];
    if (x === null || y === null) return (x === null) - (y === null);
    return choice.up ? x - y : y - x;
  });
  return { board: board.title, show: ecg.SHOW[choice.show], columns, rows: told };
};

ecg.cell = (board, row, column, decimals, choice) => {
  if (column.isRank) {
    const rank = row.ranks[column.family] ?? null;
    return { status: "ok", shown: rank, text: rank === null ? "–" : String(rank), quality: ecg.rankQuality(rank, board.rows.map((each) => each.ranks[column.family])), best: rank === 1, ahead: null };
  }
  const score = row.scores[column.place];
  const at = (value) => (choice.show === "distance" ? ecg.distance(board, column.place, value) : value ?? null);
  const shown = choice.show === "rank" ? score.rank ?? null : at(score.value);
  const ends = choice.show === "rank" ? [] : [at(score.low), at(score.high)].sort((a, b) => a - b);
  const known = ends.length === 2 && ends[0] !== null && ends[1] !== null;
  const quality = row.kind === "reference" || choice.show === "distance"
    ? ecg.clip(ecg.distance(board, column.place, score.value)) : ecg.rankQuality(score.rank ?? null, board.rows.map((each) => each.scores[column.place].rank));
  return {
    status: score.status, reason: score.reason ?? "", shown,
    text: shown === null ? ({ failed: "failed", todo: "to do" }[score.status] ?? "–")
      : ecg.fixed(shown, decimals) + (score.against_null === "better" ? "!" : "") + (score.status === "ok" ? "" : "*"),
    low: known ? ends[0] : undefined, high: known ? ends[1] : undefined,
    interval: known && choice.intervals ? `[${ecg.fixed(ends[0], decimals)}, ${ecg.fixed(ends[1], decimals)}]` : null,
    quality, best: score.rank === 1 && score.status === "ok" && score.against_null !== "better",
    against: ecg.against(board, row, column.place, choice.beside),
  };
};

ecg.clip = (value) => (value === null ? null : Math.min(1, Math.max(0, value)));

/* 1 for the first rank, 0 for the last one that any row has. */
ecg.rankQuality = (rank, ranks) => {
  const last = Math.max(1, ...ranks.filter((each) => each !== undefined));
  return rank === null || last < 2 ? null : 1 - (rank - 1) / (last - 1);
};

/* ▲ significantly better than the row beside, ▼ worse, ≈ no difference seen; empty without a test. */
ecg.against = (board, row, place, beside) => {
  const other = board.rows.findIndex((each) => each.label === beside);
  if (other < 0 || row.label === beside || row.kind !== "competitor") return "";
  const [own, theirs] = [row.scores[place], board.rows[other].scores[place]];
  if (own.status !== "ok" || theirs.status !== "ok" || own.rank === undefined) return "";
  if ((own.ahead ?? []).includes(other)) return "▼";
  return (theirs.ahead ?? []).includes(board.rows.indexOf(row)) ? "▲" : "≈";
};

/* The table as an element; resort is told the name of a column. */
ecg.table = (table, choice, resort) => {
  const sorted = (name) => (choice.sort === name ? (choice.up ? "ascending" : "descending") : null);
  const head = (name, text, title) => ecg.element("th", { scope: "col", "aria-sort": sorted(name), title },
    ecg.element("button", { type: "button", onclick: () => resort(name) }, text));
  const body = (kind) => {
    const rows = table.rows.filter((row) => row.kind === kind);
    return rows.length ? ecg.element("tbody", { class: kind }, rows.map((row) => ecg.line(row, choice))) : null;
  };
  return ecg.element("table", {},
    ecg.element("caption", {}, `${table.board}: ${table.show}; ${table.rows.length} rows, ${table.columns.length} columns`),
    ecg.element("thead", {}, ecg.element("tr", {}, head("generator", "generator"),
      table.columns.map((column) => head(column.name, column.heading, column.metric?.summary)))),
    ["competitor", "reference", "unverified"].map(body));
};

ecg.line = (row, choice) => ecg.element("tr", {},
  ecg.element("th", { scope: "row" },
    ecg.element("a", { href: `${row.page}.html` }, row.label.split(":").flatMap((part, place) => (place ? [ecg.element("wbr"), `:${part}`] : [part]))),
    row.front ? " ◆" : "", row.marks.flatMap((mark) => [" ", ecg.element("span", { class: "mark" }, mark)])),
  row.cells.map((cell) => {
    const made = ecg.element("td", { class: [cell.best ? "best" : "", cell.shown === null ? cell.status : ""].join(" ").trim() || null, title: cell.reason || null },
      cell.text, cell.against ? ` ${cell.against}` : "", cell.interval ? ecg.element("small", {}, cell.interval) : null);
    if (choice.shade && cell.quality !== null && cell.shown !== null) made.style.setProperty("--q", cell.quality.toFixed(3));
    return made;
  }));
