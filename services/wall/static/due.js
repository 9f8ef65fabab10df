// Page C «Quá hạn và sắp đến hạn»: the most urgent open dossiers. Pure: (view, clock) -> markup.

import { html } from "./markup.js";
import { fitted, shortened } from "./names.js";
import { counted } from "./overview.js";
import { parts } from "./rotation.js";
import { SIGNS } from "./symbols.js";
import { timeLeft } from "./worktime.js";

const TYPE = 3.2; // of a procedure's name
const DIGIT = 3.5; // more room for an amount of three digits
const SOON_DAYS = 2;
const APOLOGY_DAYS = 1; // some districts require the letter before the due moment

/**
 * [{late, soon}]: what stands on each page of it. In a room that needs big letters only one of both
 * has room: the other is not there then.
 */
export function dueParts(view, settings, nowMs) {
  const soon = view.soon.filter((one) => timeLeft(one, view.calendar, nowMs).days <= SOON_DAYS);
  const [left, right] = [view.late, soon].map((list) => parts(list, settings.dossiers));
  if (settings.large) return [...left.map((one) => ({ late: one })), ...right.map((one) => ({ soon: one }))];
  const count = Math.max(left.length, right.length);
  return Array.from({ length: count }, (_, i) => ({
    late: left[i % left.length], soon: right[i % right.length],
  }));
}

export function dueLists(view, part, settings, words, nowMs) {
  const list = (name, found, total, looks) => {
    const atLeast = view.at_least.includes(total);
    const amounts = found.map((one) => amount(timeLeft(one, view.calendar, nowMs), words));
    const digits = Math.max(2, ...amounts.map(([number]) => number.length));
    const room = settings.list - words.room.amount - DIGIT * (digits - 2);
    const entries = found.map((one, i) => entry(one, amounts[i], room, view, settings, words, nowMs));
    // nothing of it is listed: whether there is none is another question
    const nothing = atLeast ? words.noneListed : looks.nothing;
    const n = view[total] === null ? null : counted(view[total], atLeast, words);
    return half({ name, ...looks, n, nothing, entries, most: settings.dossiers, unknown: atLeast });
  };
  const late = { status: "missed", sign: SIGNS.overdue, title: words.late, nothing: words.noneLate };
  const soon = { status: "warning", sign: SIGNS.soon, title: words.soon, nothing: words.noneSoon };
  return html`${part.late && list("late", part.late, "overdue", late)}
    ${part.soon && list("soon", part.soon, "due_soon", soon)}`;
}

function half({ name, status, sign, title, n, nothing, entries, most, unknown }) {
  const none = entries.length === 0;
  return html`<section class="list ${name} ${none ? (unknown ? "none" : "met") : status}" aria-label="${title}">
    <h2>${none && !unknown ? SIGNS.met : sign} ${title}<b>${n}</b></h2>
    ${none
      ? html`<p class="nothing">${nothing}</p>`
      : html`<table style="--share:${Math.min(1, entries.length / most)};--entries:${entries.length}"><tbody>${entries}</tbody></table>`}
  </section>`;
}

/** `room`: beside the amount, in hundredths of the screen's height. */
function entry(one, [number, unitOfTime], room, view, settings, words, nowMs) {
  const left = timeLeft(one, view.calendar, nowMs);
  const late = left.minutes < 0;
  const apology = !late && left.days <= APOLOGY_DAYS;
  const code = !settings.publicly && html`<span class="code">…${one.code}</span>`;
  const unit = view.unit === null && shortened(one.unit, room - words.room.apology);
  const { text, size } = fitted(one.procedure, room, TYPE);
  // what is to be done goes before where it lies
  const next = apology ? html`<em>${words.apology}</em>` : html`<span class="step">${one.step}</span>`;
  return html`<tr>
    <th scope="row"><span class="procedure ${size}">${text}</span>
      <span class="where">${unit && html`<span class="unit">${unit}</span>`}${
        unit && (apology || one.step) && html`<span>·</span>`
      }${next}</span></th>
    <td>${number} <small>${unitOfTime}</small>${code}</td></tr>`;
}

/** [number, unit]: working days where there is one; below that hours, which are left to act in. */
function amount({ minutes, days, working }, words) {
  const [all, perDay] = [Math.abs(minutes), Math.abs(days)];
  if (perDay >= 1) return [String(Math.floor(perDay)), working ? words.workingDays : words.days];
  if (all >= 60) return [String(Math.floor(all / 60)), words.hours];
  return [String(Math.floor(all)), words.minutes];
}
