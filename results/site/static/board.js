/* The page of boards: which one, every column on demand, charts. */
"use strict";

(() => {
  const { boards } = ecg.data;
  const known = (value, values, otherwise) => (values.includes(value) ? value : otherwise);
  let at;
  let choice;

  const listed = (name, all) => {
    const given = ecg.state[name];
    return new Set(given === undefined ? all : given.split(",").filter((each) => all.includes(each)));
  };

  const start = () => {
    at = Math.max(0, boards.findIndex((board) => board.id === ecg.state.board));
    const board = boards[at];
    const kinds = [...new Set(board.rows.filter((row) => row.kind === "competitor").map((row) => row.family))].sort();
    const suites = [...new Set(board.metrics.map((metric) => metric.suite))].sort();
    choice = {
      show: known(ecg.state.show, Object.keys(ecg.SHOW), "value"),
      families: listed("family", board.families), suites: listed("suite", suites), allSuites: suites, kinds: listed("kind", kinds), allKinds: kinds,
      references: ecg.state.references !== "0", unverified: ecg.state.unverified !== "0",
      ranks: ecg.state.ranks === "1", intervals: ecg.state.intervals === "1", shade: ecg.state.shade !== "0",
      sort: ecg.state.sort ?? "", up: ecg.state.down !== "1",
      search: ecg.state.search ?? "", beside: ecg.state.beside ?? "",
    };
    if (!ecg.state.family && board.metrics.length > 12) choice.families = new Set(board.families.slice(0, 1));
  };

  const chooseBoard = () => {
    const place = document.getElementById("choose");
    place.replaceChildren();
    const datasets = [...new Set(boards.map((board) => board.dataset))];
    const of = (dataset) => boards.filter((board) => board.dataset === dataset);
    const go = (id) => { ecg.state = { board: id }; ecg.remember("board", id); start(); draw(); };
    if (datasets.length > 1) place.append(ecg.choice("Dataset", datasets.map((d) => [d, d]), boards[at].dataset, (d) => go(of(d)[0].id)));
    const studies = of(boards[at].dataset);
    if (studies.length > 1) place.append(ecg.choice("Study", studies.map((b) => [b.id, `${b.study}${b.settings_text ? ` (${b.settings_text.slice(0, 60)})` : ""}`]), boards[at].id, go));
  };

  const controls = () => {
    const board = boards[at];
    const place = document.getElementById("controls");
    const set = (name, value, stored) => { choice[name] = value; ecg.remember(stored?.[0] ?? name, stored ? stored[1] : value); table(); };
    const group = (legend, name, all, stored) => ecg.element("fieldset", {}, ecg.element("legend", {}, legend),
      all.map((each) => ecg.tick(each, choice[name].has(each), (on) => {
        if (on) choice[name].add(each); else choice[name].delete(each);
        ecg.remember(stored, [...choice[name]].join(",") || "none");
        table();
      })));
    place.replaceChildren(
      ecg.choice("Show", Object.entries(ecg.SHOW), choice.show, (value) => set("show", value)),
      ecg.choice("Compare with", [["", "nobody"], ...board.rows.filter((r) => r.kind === "competitor").map((r) => [r.label, r.label])], choice.beside, (value) => set("beside", value)),
      (() => { const box = ecg.element("input", { type: "search", value: choice.search, oninput: () => set("search", box.value) }); return ecg.element("label", {}, "Names with", box); })(),
      group("Families of metrics", "families", board.families, "family"),
      choice.allSuites.length > 1 ? ecg.element("details", { class: "menu" }, ecg.element("summary", {}, "Suites of metrics"), group("Suites", "suites", choice.allSuites, "suite")) : null,
      choice.allKinds.length > 1 ? ecg.element("details", { class: "menu" }, ecg.element("summary", {}, "Kinds of generators"), group("Kinds", "kinds", choice.allKinds, "kind")) : null,
      ecg.element("fieldset", {}, ecg.element("legend", {}, "With"),
        ecg.tick("ranks", choice.ranks, (on) => set("ranks", on, ["ranks", on ? "1" : ""])),
        ecg.tick("intervals", choice.intervals, (on) => set("intervals", on, ["intervals", on ? "1" : ""])),
        ecg.tick("shading", choice.shade, (on) => set("shade", on, ["shade", on ? "" : "0"])),
        ecg.tick("reference rows", choice.references, (on) => set("references", on, ["references", on ? "" : "0"])),
        board.rows.some((row) => row.kind === "unverified") ? ecg.tick("unverified rows", choice.unverified, (on) => set("unverified", on, ["unverified", on ? "" : "0"])) : null),
    );
  };

  const table = () => {
    const board = boards[at];
    const shown = ecg.chosen(board, choice);
    const resort = (name) => {
      choice.up = choice.sort === name ? !choice.up : true;
      choice.sort = name;
      ecg.remember("sort", name);
      ecg.remember("down", choice.up ? "" : "1");
      table();
      document.querySelector("#table th[aria-sort] button")?.focus();
    };
    document.getElementById("table").replaceChildren(ecg.table(shown, choice, resort));
    document.getElementById("legend").textContent = [
      "Bold: nobody is significantly better. * of fewer seeds. ! better than the null, an alarm. ◆ on the front.",
      choice.shade ? "The longer the bar and the deeper the tint, the better: by rank among competitors, by distance from real for reference rows." : "",
      choice.beside ? `Beside ${choice.beside}: ▲ significantly better, ▼ significantly worse, ≈ no difference seen.` : "",
    ].join(" ");
    const download = (suffix, type, make) => ecg.element("button", { type: "button", onclick: () => ecg.download(`${board.id}.${suffix}`, type, make(shown)) }, suffix.toUpperCase().replace("TEX", "LaTeX"));
    document.getElementById("exports").replaceChildren("This table as", download("csv", "text/csv", ecg.toCsv), download("json", "application/json", ecg.toJson), download("tex", "text/x-tex", ecg.toLatex));
  };

  const draw = () => {
    document.querySelectorAll("[data-board]").forEach((each) => { each.hidden = Number(each.dataset.board) !== at; });
    document.getElementById("columns").hidden = false;
    document.getElementById("charts").hidden = false;
    chooseBoard();
    controls();
    table();
    ecg.charts(boards[at], document.getElementById("charts"));
  };

  addEventListener("hashchange", () => { ecg.state = Object.fromEntries(new URLSearchParams(location.hash.slice(1))); start(); draw(); });
  start();
  draw();
})();
