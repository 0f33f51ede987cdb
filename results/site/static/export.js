/* Downloads of the shown table as CSV, JSON and LaTeX. */
"use strict";

ecg.toCsv = (table) => {
  // a spreadsheet must take no text for a formula
  const quoted = (cell) => {
    const text = /^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const head = ["generator", ...table.columns.flatMap((c) => [c.name, ...(c.isMetric ? [`${c.name} low`, `${c.name} high`] : [])])];
  const lines = table.rows.map((row) => [
    row.label,
    ...row.cells.flatMap((cell, place) => [
      cell.shown === null ? cell.status : String(cell.shown),
      ...(table.columns[place].isMetric ? [cell.low ?? "", cell.high ?? ""].map(String) : []),
    ]),
  ]);
  return [head, ...lines].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
};

ecg.toJson = (table) =>
  JSON.stringify(
    {
      board: table.board,
      show: table.show,
      rows: table.rows.map((row) => ({
        generator: row.label,
        kind: row.kind,
        values: Object.fromEntries(row.cells.map((cell, place) => [table.columns[place].name, { status: cell.status, value: cell.shown, low: cell.low ?? null, high: cell.high ?? null }])),
      })),
    },
    null,
    1,
  ) + "\n";

ecg.toLatex = (table) => {
  const special = { "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "#": "\\#", "%": "\\%", _: "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", "[": "{[}", "]": "{]}", "*": "{*}", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "✓": "$^+$", "✗": "$^\\circ$", "–": "--", "·": "$\\cdot$" };
  const safe = (text) => [...text].map((c) => special[c] ?? (c.charCodeAt(0) < 128 ? c : "?")).join("");
  const line = (cells) => `${cells.join(" & ")} \\\\`;
  const body = table.rows.map((row) => line([
    row.kind === "reference" ? `\\textit{${safe(row.label)}}` : safe(row.label),
    ...row.cells.map((cell) => (cell.best ? `\\textbf{${safe(cell.text)}}` : safe(cell.text))),
  ]));
  return [
    "% needs \\usepackage{booktabs}",
    "\\begin{table}", "\\centering", "\\small",
    `\\caption{${safe(table.board)}: ${safe(table.show)}.}`,
    `\\begin{tabular}{l${"r".repeat(table.columns.length)}}`, "\\toprule",
    line(["generator", ...table.columns.map((c) => safe(c.heading))]), "\\midrule",
    ...body, "\\bottomrule", "\\end{tabular}", "\\end{table}", "",
  ].join("\n");
};

ecg.download = (name, type, text) => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  ecg.element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};
