/* The page of a generator: its training curves. */
"use strict";

ecg.data.boards.forEach((board, at) => {
  const places = document.querySelectorAll("section .curves");
  let place = [...ecg.data.boards.slice(0, at)].reduce((sum, each) => sum + each.rows.length, 0);
  for (const row of board.rows) {
    const curves = row.cells.filter((cell) => cell.curve);
    const names = [...new Set(curves.flatMap((cell) => Object.keys(cell.curve)))];
    for (const name of names) places[place].append(ecg.curve(name, curves.filter((cell) => cell.curve[name])));
    place += 1;
  }
});
