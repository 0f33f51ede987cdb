/* The page of a metric: intervals of all rows, and how it responds to doses. */
"use strict";

document.querySelectorAll("figure.whiskers").forEach((figure) => {
  const board = ecg.data.boards[Number(figure.dataset.board)];
  const drawn = ecg.whiskers(board, Number(figure.dataset.metric));
  if (drawn) figure.append(drawn); else figure.remove();
});
document.querySelectorAll(".doses").forEach((place) => {
  for (const series of ecg.data.audits[Number(place.dataset.audit)].series) if (series.amounts.length) place.append(ecg.doses(series));
});
