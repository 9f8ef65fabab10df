// What stands on every page: header and footer. Pure.

import { dayParts, localParts, short } from "./format.js";
import { html } from "./markup.js";
import { shortened, width } from "./names.js";
import { counted } from "./overview.js";
import { SIGNS } from "./symbols.js";
import { VI } from "./words.js";

/** Longer names are set smaller, so that they stay on their line. */
const LONG = 24;
/** The longest words in the middle that leave room for those at both sides. */
const MIDDLE = 46;
/** Room for a name, in hundredths of the screen's height; a longer one is abbreviated. */
const HOUSE = 56;
const TYPE = 3.1;
const SCOPE = 60;
const BESIDE_FRESHNESS = 34;

/** `scope`: what this page shows instead of everything; null: the whole selection. */
export function header(view, nowMs, scope = null, words = VI) {
  const clock = nowMs === null ? null : localParts(nowMs, words);
  return html`
    <div class="whose">
      <h1 class="${view && view.installation.length > LONG ? "long" : ""}" lang="vi">${
        view ? shortened(view.installation, HOUSE) : ""
      }</h1>
      <p lang="vi">${view ? view.book_title : ""}</p>
    </div>
    <div class="what ${isLong(view) && "long"}">${view && what(view, scope, words)}</div>
    <div class="when">${clock && html`<div><p>${clock.weekday}</p><p>${clock.date}</p></div>
      <time>${clock.minute}</time>`}</div>`;
}

/** Long names or days: the middle is where there is room for it then. */
export function isCrowded(view) {
  if (view === null) return false;
  return isLong(view) || view.installation.length > LONG || width(view.period_title) * TYPE > MIDDLE;
}

const isLong = (view) => view && view.unit !== null && width(shortened(view.unit_name, SCOPE)) * TYPE > SCOPE;

function what(view, scope, words) {
  const period = periodOf(view, words) + (view.running ? ` · ${words.toDate}` : "");
  return html`<p class="scope">${scope || scopeOf(view, words)}</p><p>${period}</p>`;
}

/** In the words of the address that was asked for; in other languages by its days. */
function periodOf(view, words) {
  if (words.lang === "vi") return view.period_title;
  const [first, last] = [dayParts(view.first_day), dayParts(view.last_day)];
  const year = first.year === last.year ? "" : `/${first.year}`;
  return `${first.dayMonth}${year} – ${last.dayMonth}/${last.year}`;
}

function scopeOf(view, words) {
  if (view.unit === null) return `${words.allUnits} · ${view.units} ${words.units}`;
  const unit = shortened(view.unit_name, SCOPE);
  return view.officer ? `${words.officer} ${view.officer} · ${unit}` : unit;
}

/** The left of the footer: that the data is invented, and what is overdue. */
export function strip(view, fresh, lastEventAt, words = VI) {
  return html`${view && view.demo && html`<strong class="demo">${words.demo}</strong>`}
    ${!fresh.band && (overdue(view, words) || lastEvent(lastEventAt, words))}`;
}

/** The right of the footer: how fresh, whether compared, which page. */
export function status(fresh, compared, place) {
  return html`<span class="line">
      <span class="fresh ${fresh.sign}">${SIGNS[fresh.sign]} <span>${fresh.text}</span></span>
      ${place && html`<span class="page">· ${place}</span>`}</span>
    ${!fresh.band && html`<span class="compared ${compared.sign}">${SIGNS[compared.sign]} <span>${
      compared.text
    }</span></span>`}`;
}

/** Late work that is not resolved is in no rate: while there is any, it is said here. */
function overdue(view, words) {
  if (!view || !view.overdue) return null;
  // the label of invented data leaves room for one name
  const units = view.most_overdue.slice(0, view.demo ? 1 : 2);
  return html`<span class="overdue">
    <strong>${SIGNS.overdue} ${words.overdueStrip} ${counted(
      view.overdue,
      view.at_least.includes("overdue"),
      words,
    )}</strong>
    ${units.length > 0 && html`<span class="most">${words.most}${units.map((one, i) =>
      unit(one, i, words),
    )}</span>`}
  </span>`;
}

function unit([name, n], position, words) {
  const dot = position > 0 && html`<span>·</span>`;
  return html`${dot}<b class="name">${shortened(name, BESIDE_FRESHNESS)}</b><b>(${short(n, words)})</b>`;
}

function lastEvent(at, words) {
  const text = at === null ? "" : `${words.lastEvent} ${localParts(Date.parse(at)).second}`;
  return html`<span class="event">${text}</span>`;
}

export function help(words) {
  return html`<dl>${words.help.map(([key, text]) => html`<div><dt>${key}</dt><dd>${text}</dd></div>`)}</dl>`;
}
