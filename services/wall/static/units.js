// Page B «Theo đơn vị»: a row for each unit, the worst on top; of one unit its officers. Pure.

import { percent, rateTenths, tenths } from "./format.js";
import { html } from "./markup.js";
import { fitted } from "./names.js";
import { counted, isFew } from "./overview.js";
import { parts } from "./rotation.js";
import { SIGNS } from "./symbols.js";

const FEWEST_ROWS = 8;

/**
 * [{level, columns, high, rows, of, number, parts}]: the pages of the matrix, a level after the other. A level has
 * its own indicators, so it has its own table.
 */
export function matrixParts(view, settings) {
  const levels = [...new Set(view.rows.map((row) => row.level))].sort().reverse();
  return levels.flatMap((level) => {
    const rows = view.rows.filter((row) => row.level === level);
    const sorted = settings.fixedOrder ? rows : [...rows].sort(worse);
    // a name on two lines needs a higher row
    const high = rows.some((row) => fitted(row.name, settings.names).size === "two");
    const split = parts(sorted, high ? settings.highRows : settings.rows);
    return split.flatMap((some, i) =>
      parts(columnsOf(view, level), settings.rates).map((columns) => ({
        level, columns, high, rows: some, of: rows.length, number: i + 1, parts: split.length,
      })),
    );
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

/** The indicators of a level, with their place in the cells. */
function columnsOf(view, level) {
  return view.indicators
    .map((indicator, place) => ({ indicator, place }))
    .filter(({ indicator }) => indicator.level === null || indicator.level === level);
}

export function matrix(view, part, settings, words) {
  const { columns } = part;
  const overdue = part.rows.some((row) => row.overdue !== null);
  const order = settings.fixedOrder ? words.fixedOrder : words.worstFirst;
  const which = part.parts > 1 ? ` · ${part.number}/${part.parts}` : "";
  return html`<table class="matrix ${part.high && "high"}" style="--share:${share(part.rows, settings.rows)}">
    <thead><tr><th scope="col">${order}${which}</th>${columns.map(({ indicator }) =>
      head(indicator, words),
    )}${overdue && html`<th scope="col" class="late">${words.lateColumn}</th>`}</tr></thead>
    <tbody>${part.rows.map((row) => line(row, part, overdue, settings, words))}</tbody></table>`;
}

/** How much of the height the rows take: a few of them are not stretched over all of it. */
export const share = (rows, most) => Math.min(1, rows.length / Math.min(FEWEST_ROWS, most));

function head(indicator, words) {
  const name = words.columns[indicator.code] || indicator.short;
  return html`<th scope="col"><span class="name">${name}</span>
    <span class="target">${words.atLeast}${percent(indicator.target, words)}%</span></th>`;
}

function line(row, { columns, high }, overdue, settings, words) {
  const { text, size } = fitted(row.name, high ? settings.longNames : settings.names);
  return html`<tr><th scope="row"><span class="${size}">${text}</span></th>${columns.map(({ indicator, place }) =>
    cell(row.cells[place], indicator, words),
  )}${overdue && html`<td class="late ${row.overdue > 0 && "missed"}">${late(row, words)}</td>`}</tr>`;
}

/** Of an officer perhaps a least number: «?» where that is nothing. */
const late = (row, words) => counted(row.overdue, row.at_least, { ...words, unknown: "?" });

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
