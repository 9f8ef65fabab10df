// Page C «Quá hạn và sắp đến hạn»: the most urgent open dossiers. Pure: (view, clock) -> markup.

import { short } from "./format.js";
import { html } from "./markup.js";
import { parts } from "./rotation.js";
import { SIGNS } from "./symbols.js";
import { timeLeft } from "./worktime.js";

const SOON_DAYS = 2;
const APOLOGY_DAYS = 1; // some districts require the letter before the due moment

/** [{late, soon}]: what stands on each page of it. */
export function dueParts(view, settings, nowMs) {
  const soon = view.soon.filter((one) => timeLeft(one, view.calendar, nowMs).days <= SOON_DAYS);
  const [left, right] = [parts(view.late, settings.dossiers), parts(soon, settings.dossiers)];
  const count = Math.max(left.length, right.length);
  return Array.from({ length: count }, (_, i) => ({
    late: left[i % left.length], soon: right[i % right.length],
  }));
}

export function dueLists(view, part, settings, words, nowMs) {
  const entries = (list) => list.map((one) => entry(one, view, settings, words, nowMs));
  return html`
    ${half("late", "missed", SIGNS.overdue, words.late, view.overdue, words.noneLate,
      entries(part.late), settings, words)}
    ${half("soon", "warning", SIGNS.soon, words.soon, view.due_soon, words.noneSoon,
      entries(part.soon), settings, words)}`;
}

function half(name, status, sign, title, total, nothing, entries, settings, words) {
  const n = total === null ? null : short(total, words);
  const quiet = entries.length === 0 ? "met" : status;
  return html`<section class="list ${name} ${quiet}" aria-label="${title}">
    <h2>${entries.length === 0 ? SIGNS.met : sign} ${title}<b>${n}</b></h2>
    ${entries.length === 0
      ? html`<p class="nothing">${nothing}</p>`
      : html`<table style="--share:${Math.min(1, entries.length / settings.dossiers)}"><tbody>${entries}</tbody></table>`}
  </section>`;
}

function entry(one, view, settings, words, nowMs) {
  const left = timeLeft(one, view.calendar, nowMs);
  const late = left.minutes < 0;
  const apology = !late && left.days <= APOLOGY_DAYS;
  const code = !settings.publicly && html` <span class="code">…${one.code}</span>`;
  const unit = view.unit === null && one.unit;
  // what is to be done goes before where it lies
  const next = apology ? html`<em>${words.apology}</em>` : html`<span class="step">${one.step}</span>`;
  return html`<tr>
    <th scope="row"><span class="what"><span class="procedure">${one.procedure}</span>${code}</span>
      <span class="where">${unit && html`<span class="unit">${unit}</span>`}${
        unit && (apology || one.step) && html`<span>·</span>`
      }${next}</span></th>
    <td>${amount(left, words)}</td></tr>`;
}

/** Working days where there is one; below that hours, which are what is left to act in. */
function amount({ minutes, days, working }, words) {
  const [all, perDay] = [Math.abs(minutes), Math.abs(days)];
  if (perDay >= 1) {
    return html`${Math.floor(perDay)} <small>${working ? words.workingDays : words.days}</small>`;
  }
  if (all >= 60) return html`${Math.floor(all / 60)} <small>${words.hours}</small>`;
  return html`${Math.floor(all)} <small>${words.minutes}</small>`;
}
