// What stands on every page: header and footer. Pure.

import { localParts, short } from "./format.js";
import { html } from "./markup.js";
import { SIGNS } from "./symbols.js";
import { WORDS } from "./words.js";

/** Longer names are set smaller, so that they stay on their line. */
const LONG = 24;

export function header(view, nowMs) {
  const clock = nowMs === null ? null : localParts(nowMs);
  return html`
    <div class="whose">
      <h1 class="${view && view.installation.length > LONG ? "long" : ""}">${
        view ? view.installation : ""
      }</h1>
      <p>${view ? view.book_title : ""}</p>
    </div>
    <div class="what">${view && what(view)}</div>
    <div class="when">${clock && html`<div><p>${clock.weekday}</p><p>${clock.date}</p></div>
      <time>${clock.minute}</time>`}</div>`;
}

function what(view) {
  const scope = view.unit === null ? `${WORDS.allUnits} · ${view.units} ${WORDS.units}` : view.unit_name;
  const period = view.period_title + (view.running ? ` · ${WORDS.toDate}` : "");
  return html`<p class="scope">${scope}</p><p>${period}</p>`;
}

export function footer(view, fresh, compared, lastEventAt) {
  return html`
    ${view && view.demo && html`<strong class="demo">${WORDS.demo}</strong>`}
    ${!fresh.band && (overdue(view) || lastEvent(lastEventAt))}
    <span class="state">
      <span class="fresh ${fresh.sign}">${SIGNS[fresh.sign]} <span>${fresh.text}</span></span>
      ${!fresh.band && comparedLine(compared)}
    </span>`;
}

function comparedLine({ sign, text }) {
  return html`<span class="compared ${sign}">${SIGNS[sign]} <span>${text}</span></span>`;
}

/** Late work that is not resolved is in no rate: while there is any, it is said here. */
function overdue(view) {
  if (!view || !view.overdue) return null;
  // the label of invented data leaves room for one name
  const units = view.most_overdue.slice(0, view.demo ? 1 : 2);
  return html`<span class="overdue">
    <strong>${SIGNS.overdue} ${WORDS.overdueStrip} ${short(view.overdue)}</strong>
    ${units.length > 0 && html`<span class="most">${WORDS.most}${units.map(unit)}</span>`}
  </span>`;
}

function unit([name, n], position) {
  const dot = position > 0 && html`<span>·</span>`;
  return html`${dot}<b class="name">${name}</b><b>(${short(n)})</b>`;
}

function lastEvent(at) {
  const words = at === null ? "" : `${WORDS.lastEvent} ${localParts(Date.parse(at)).second}`;
  return html`<span class="event">${words}</span>`;
}
