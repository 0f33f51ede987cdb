/* Tables of the class sortable: a button in each heading sorts the rows of each body. */
"use strict";

ecg.sortable = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const button = ecg.element("button", { type: "button", "aria-label": `Sort by ${head.textContent.replace(/\s+/g, " ").trim()}` }, "⇅");
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      for (const body of table.tBodies) body.append(...[...body.rows].sort(ecg.by(place, up)));
    });
    head.append(" ", button);
  });
};

/* Rows by the value of a cell; cells without one come last, whichever the direction. */
ecg.by = (place, up) => {
  const value = (row) => {
    const cell = row.cells[place];
    if (cell.tagName === "TH") return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };
  return (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    const order = typeof x === "string" ? x.localeCompare(y) : x - y;
    return up ? order : -order;
  };
};

document.querySelectorAll("table.sortable").forEach(ecg.sortable);
