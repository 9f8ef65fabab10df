// What stands on every page: header and footer. Pure.

import { localParts } from "./format.js";
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

export function footer(view, fresh, lastEventAt) {
  return html`
    ${view && view.demo && html`<strong class="demo">${WORDS.demo}</strong>`}
    ${!fresh.band && html`<span class="event">${lastEvent(lastEventAt)}</span>`}
    <span class="fresh ${fresh.sign}">${SIGNS[fresh.sign]} <span>${fresh.text}</span></span>`;
}

function lastEvent(at) {
  if (at === null) return "";
  const parts = localParts(Date.parse(at));
  return `${WORDS.lastEvent} ${parts.second}`;
}
