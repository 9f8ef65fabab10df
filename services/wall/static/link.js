// The connection to the server: event stream first, polling when it fails. Knows no page.

const RETRY_TO_S = 2.5; // a server that is back must be found within five seconds, after any outage
const POLL_EVERY_S = 15;
const POLL_AFTER_FAILURES = 3;
const FETCH_TIMEOUT_MS = 10000; // a frozen server accepts and never answers

/**
 * Calls `receive(message)` for each {type, data}. A stream without a word for `limits.beat_late`
 * is dead, whatever the socket says (a frozen server keeps it open).
 */
export class Link {
  constructor(search, receive, limits) {
    this.search = search;
    this.receive = receive;
    this.limits = limits;
    this.failures = 0;
    this.heardAt = 0;
    this.polledAt = -Infinity;
    this.polling = false;
    this.etag = null;
    this.retryAt = null;
    this.source = null;
  }

  open(at) {
    this.close();
    this.heardAt = at;
    this.retryAt = null;
    const source = new EventSource(`api/wall/stream${this.search}`);
    for (const type of ["snapshot", "delta", "beat", "certificate", "bye"]) {
      source.addEventListener(type, (event) => this.heard(type, event.data));
    }
    source.onerror = () => {
      if (this.source !== source) return;
      this.failures += 1;
      // CONNECTING: the browser retries by itself; CLOSED: it has given up
      if (source.readyState === EventSource.CLOSED) this.retryLater();
    };
    this.source = source;
  }

  close() {
    if (this.source) this.source.close();
    this.source = null;
  }

  /** To be called every second with the monotonic clock. */
  tick(at) {
    this.now = at;
    if (this.source && at - this.heardAt > this.limits.beat_late) {
      this.failures += 1;
      this.close();
      this.retryLater();
    }
    if (this.retryAt !== null && at >= this.retryAt) this.open(at);
    if (this.failures >= POLL_AFTER_FAILURES && at - this.polledAt > POLL_EVERY_S) this.fetch(at);
  }

  /** Asks for the snapshot once, outside the stream. */
  async fetch(at) {
    if (this.polling) return;
    this.polling = true;
    this.polledAt = at;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), FETCH_TIMEOUT_MS);
    try {
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      const answer = await fetch(`api/wall/snapshot${this.search}`, {
        headers,
        cache: "no-store",
        signal: abort.signal,
      });
      if (answer.status === 200) {
        this.etag = answer.headers.get("ETag");
        this.receive({ type: "snapshot", data: await answer.json() });
      }
      const beat = answer.headers.get("Wall-Beat");
      if (beat) this.receive({ type: "beat", data: JSON.parse(beat) });
      const certificate = answer.headers.get("Wall-Certificate");
      if (certificate) this.receive({ type: "certificate", data: JSON.parse(certificate) });
    } catch {
      // no server: the stream's own retries and the freshness line are at it
    } finally {
      clearTimeout(timer);
      this.polling = false;
    }
  }

  heard(type, text) {
    this.failures = 0;
    this.heardAt = this.now;
    this.receive({ type, data: JSON.parse(text) });
  }

  retryLater() {
    const longest = Math.min(RETRY_TO_S, this.limits.retry * 2 ** Math.min(this.failures, 5));
    // jittered: a hundred walls must not come back in the same second
    this.retryAt = this.now + longest * (0.5 + Math.random() / 2);
  }
}
