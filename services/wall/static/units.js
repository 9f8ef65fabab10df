// Page B «Theo đơn vị»: a row for each unit, the worst on top; of one unit its officers. Pure.

import { percent, rateTenths, short, tenths } from "./format.js";
import { html } from "./markup.js";
import { isFew } from "./overview.js";
import { parts } from "./rotation.js";
import { SIGNS } from "./symbols.js";

const FEWEST_ROWS = 8;

/**
 * [{level, rows, of, number, parts}]: the pages of the matrix, a level after the other. A level has
 * its own indicators, so it has its own table.
 */
export function matrixParts(view, settings) {
  const levels = [...new Set(view.rows.map((row) => row.level))].sort().reverse();
  return levels.flatMap((level) => {
    const rows = view.rows.filter((row) => row.level === level);
    const sorted = settings.fixedOrder ? rows : [...rows].sort(worse);
    const split = parts(sorted, settings.rows);
    return split.map((some, i) => ({
      level, rows: some, of: rows.length, number: i + 1, parts: split.length,
    }));
  });
}

const count = (row, status) => row.cells.filter((cell) => cell && cell[2] === status).length;

function worse(one, other) {
  return (
    count(other, "missed") - count(one, "missed") ||
    count(other, "risk") - count(one, "risk") ||
    (other.overdue || 0) - (one.overdue || 0) ||
    (one.code < other.code ? -1 : 1)
  );
}

/** The indicators of a part, with their place in the cells. */
function columnsOf(view, { level }) {
  return view.indicators
    .map((indicator, place) => ({ indicator, place }))
    .filter(({ indicator }) => indicator.level === null || indicator.level === level);
}

export function matrix(view, part, settings, words) {
  const columns = columnsOf(view, part);
  const overdue = part.rows.some((row) => row.overdue !== null);
  const order = settings.fixedOrder ? words.fixedOrder : words.worstFirst;
  const which = part.parts > 1 ? ` · ${part.number}/${part.parts}` : "";
  return html`<table class="matrix" style="--share:${share(part.rows)}">
    <thead><tr><th scope="col">${order}${which}</th>${columns.map(({ indicator }) =>
      head(indicator, words),
    )}${overdue && html`<th scope="col" class="late">${words.lateColumn}</th>`}</tr></thead>
    <tbody>${part.rows.map((row) => line(row, columns, overdue, words))}</tbody></table>`;
}

/** How much of the height the rows take: a few of them are not stretched over all of it. */
export const share = (rows) => Math.min(1, rows.length / FEWEST_ROWS);

function head(indicator, words) {
  const name = words.columns[indicator.code] || indicator.short;
  return html`<th scope="col"><span class="name">${name}</span>
    <span class="target">${words.atLeast}${percent(indicator.target, words)}%</span></th>`;
}

function line(row, columns, overdue, words) {
  return html`<tr><th scope="row">${row.name}</th>${columns.map(({ indicator, place }) =>
    cell(row.cells[place], indicator, words),
  )}${overdue && html`<td class="late ${row.overdue > 0 && "missed"}">${short(row.overdue, words)}</td>`}</tr>`;
}

function cell(found, { target, counts }, words) {
  if (!found) return html`<td></td>`;
  const [a, b, status] = found;
  if (a === 0) return html`<td class="none"><span class="words">${words.notArisen}</span></td>`;
  const met = 100 * b * target[1] >= target[0] * a;
  const shown = tenths(rateTenths(a, b, met, target), words);
  if (isFew(a, counts)) return html`<td class="none"><span class="few">${words.few}</span> ${shown}</td>`;
  return html`<td class="${status}">${SIGNS[status]}<span class="unseen">${
    words.status[status]
  }</span> ${shown}</td>`;
}
