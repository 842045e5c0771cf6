import { randomOf } from "../test/support/random.ts";

/** What a shop's short-lived programs send, for pictures of the gateway at work. */
export interface Shop {
  /** Messages of the next `seconds`; `share` of the whole time has passed, 0..1. */
  next(share: number, seconds: number): string[];
}

const SAMPLES_PER_SECOND = 9000;

const SERVICES = ["cart", "catalog", "checkout", "login", "search"];
const PATHS = ["/", "/cart", "/item", "/orders", "/pay", "/search"];
const COUNTRIES = ["AT", "CH", "DE", "DK", "FR", "IT", "NL", "PL"];
const HOSTS = Array.from({ length: 12 }, (_, i) => `web-${i + 1}`);

export function makeShop(): Shop {
  const random = randomOf(42);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)];
  const makers = [
    () =>
      counter("http_requests_total", "Requests that were answered.", {
        service: pick(SERVICES),
        path: pick(PATHS),
        method: random() < 0.8 ? "GET" : "POST",
        status: random() < 0.97 ? "200" : pick(["302", "404", "500"]),
      }),
    () => ({
      ...{ type: "histogram", name: "http_request_duration_seconds", unit: "seconds" },
      help: "From the first byte of a request to the last one of its answer.",
      ...{ buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5], labels: { service: pick(SERVICES) } },
      value: round(0.02 / (random() + 0.02)),
    }),
    () =>
      counter("cache_lookups_total", "Looked up in the cache.", {
        service: pick(SERVICES),
        result: random() < 0.9 ? "hit" : "miss",
      }),
    () => ({
      ...{ type: "gauge", name: "php_fpm_active_processes", help: "At work right now." },
      ...{ labels: { host: pick(HOSTS) }, value: Math.floor(20 * random()) },
    }),
  ];
  const seldom = [
    () =>
      counter("orders_total", "Orders, by country and way of payment.", {
        country: pick(COUNTRIES),
        payment: pick(["card", "invoice", "paypal"]),
      }),
    () => ({
      ...{ type: "summary", name: "checkout_duration_seconds", unit: "seconds" },
      help: "From the click to the confirmation.",
      ...{ quantiles: [0.5, 0.9, 0.99], epsilons: [0.01, 0.01, 0.001] },
      ...{ labels: { country: pick(COUNTRIES) }, value: round(0.6 + random() ** 3) },
    }),
    () =>
      counter("mails_sent_total", "Mails handed over to the relay.", {
        template: pick(["confirmation", "invoice", "newsletter", "reset"]),
      }),
    () =>
      counter("lambda_invocations_total", "Runs of functions.", {
        function: pick(["resize", "thumbnail", "vat-check", "webhook"]),
      }),
    () => ({
      ...{ type: "gauge", name: "job_last_success_timestamp_seconds", unit: "seconds" },
      ...{ help: "When a nightly job last came to its end.", value: 1769860800 },
      labels: { job: pick(["backup", "export", "reindex", "sitemap"]) },
    }),
    () => counter("login_failures_total", "", { reason: pick(["locked", "password", "totp"]) }),
    // One label with more values by the hour: that is what a look at what grows is for.
    () =>
      counter("search_queries_total", "Searches, by what was searched for.", {
        term: `term-${Math.floor(random() * terms)}`,
      }),
  ];
  let terms = 40;
  return {
    next: (share, seconds) => {
      terms = 40 + 900 * share;
      const wave = 1 + 0.25 * Math.sin(share * 14) + 0.1 * Math.sin(share * 61) + 0.08 * random();
      // A sale begins.
      const rate = SAMPLES_PER_SECOND * (share > 0.62 ? 1.5 : 1) * wave;
      const messages = Array.from({ length: Math.round(rate * seconds) }, (_, i) =>
        JSON.stringify(i % 40 === 0 ? pick(seldom)() : pick(makers)()),
      );
      // A release that sent texts for numbers, and was taken back.
      if (share > 0.3 && share < 0.36 && random() < 0.5) {
        messages.push(
          '{"type":"counter","name":"orders_total","value":"1","labels":{"country":"DE"}}',
        );
      }
      if (share > 0.8 && share < 0.81) messages.push('{"type":"meter","name":"stock","value":7}');
      return messages;
    },
  };
}

function counter(name: string, help: string, labels: Record<string, string>): object {
  return { type: "counter", name, ...(help !== "" && { help }), value: 1, labels };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
