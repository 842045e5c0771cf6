import * as v from "valibot";
import { unreachable } from "../unreachable.ts";
import type { DropReason } from "./drop-reason.ts";
import * as fields from "./fields.ts";
import { exemplarField, type Labels, labelsField } from "./label-fields.ts";
import type { NameValidation } from "./names.ts";
import type { MetricType } from "./sample.ts";

/**
 * The message schema, one object schema a form that a message can have. Checks run in the order of
 * the entries, so the first fault names the reason.
 *
 * What one form does not use (a counter's `buckets`) is an unknown field for it, and ignored.
 */
function makeForms(validation: NameValidation) {
  const name = fields.nameField(validation);
  const labels = labelsField(validation);
  const { help, unit, timestamp, ttl, times } = fields;
  const common = { timestamp, ttl, help, unit };
  const counter = {
    type: fields.typeField("counter"),
    name,
    value: fields.counterValue,
    labels,
    times,
    exemplar: exemplarField(validation),
    ...common,
  };
  const gauge = { type: fields.typeField("gauge"), name };
  const { setOperation, gaugeValue, changeOperation, changeValue } = fields;
  return {
    counter: form("A counter goes up.", counter),
    gauge: form("A gauge is set, or keeps an extreme.", {
      ...gauge,
      op: setOperation,
      value: gaugeValue,
      labels,
      times,
      ...common,
    }),
    gaugeChange: form("A gauge goes up or down.", {
      ...gauge,
      op: changeOperation,
      value: changeValue,
      labels,
      times,
      ...common,
    }),
    ...makeHistogramForms(validation),
    ...makeSummaryForms(validation),
  };
}

function makeHistogramForms(validation: NameValidation) {
  const { help, unit, timestamp, ttl, times, buckets } = fields;
  const type = fields.typeField("histogram");
  const name = fields.nameField(validation);
  const labels = labelsField(validation, "le");
  const common = { buckets, timestamp, ttl, help, unit };
  const exemplar = exemplarField(validation);
  const observed = { value: fields.observedValue, labels, times, exemplar, ...common };
  const native = {
    native: fields.native,
    counts: fields.absent("invalid_native"),
    schema: fields.resolution,
    zeroThreshold: fields.zeroThreshold,
    maxBuckets: fields.maxBuckets,
  };
  const counted = {
    native: fields.notNative,
    value: fields.absent("invalid_value"),
    counts: fields.counts,
    sum: fields.sum,
    labels,
    times: fields.absent("invalid_times"),
  };
  const classic = { native: fields.notNative, counts: fields.absent("invalid_counts") };
  return {
    histogram: form("A histogram observes a value.", { type, name, ...classic, ...observed }),
    nativeHistogram: form("A native histogram observes a value.", {
      type,
      name,
      ...native,
      ...observed,
    }),
    countedHistogram: v.pipe(
      form("A histogram of what its sender has observed.", { type, name, ...counted, ...common }),
      v.check(
        (message) => !message.buckets || message.counts.length === message.buckets.length + 1,
        "invalid_counts" satisfies DropReason,
      ),
    ),
  };
}

function makeSummaryForms(validation: NameValidation) {
  const { help, unit, timestamp, ttl, quantiles, epsilons } = fields;
  const type = fields.typeField("summary");
  const name = fields.nameField(validation);
  const labels = labelsField(validation, "quantile");
  const common = { quantiles, epsilons, timestamp, ttl, help, unit };
  const observed = {
    count: fields.absent("invalid_counts"),
    value: fields.observedValue,
    labels,
    times: fields.summaryTimes,
  };
  const counted = {
    value: fields.absent("invalid_value"),
    count: fields.count,
    sum: fields.sum,
    labels,
    times: fields.absent("invalid_times"),
  };
  const fault = "invalid_quantiles" satisfies DropReason;
  return {
    summary: v.pipe(
      form("A summary observes a value.", { type, name, ...observed, ...common }),
      v.check((message) => areOfOneLength(message), fault),
    ),
    countedSummary: v.pipe(
      form("A summary of what its sender has observed.", { type, name, ...counted, ...common }),
      v.check((message) => areOfOneLength(message), fault),
    ),
  };
}

/** What a message can be; each type has one or more. */
export type Form = keyof ReturnType<typeof makeForms>;

type Forms = Record<Form, v.GenericSchema<unknown, Message>>;

const made = new Map<NameValidation, Forms>();

/**
 * What validates a message of each form; the first issue's message is the drop reason. Made when it is
 * first asked for: that takes longer than most of a start does.
 */
export function formsOf(validation: NameValidation): Forms {
  const known = made.get(validation);
  if (known !== undefined) return known;
  const forms: Forms = makeForms(validation);
  made.set(validation, forms);
  return forms;
}

/** What a valid message of any form holds. */
export interface Message {
  name: string;
  value?: number | null | undefined;
  sum?: number;
  help?: string | null | undefined;
  unit?: string | null | undefined;
  labels?: Labels | null | undefined;
  op?: string | null | undefined;
  buckets?: number[] | null | undefined;
  counts?: number[] | null | undefined;
  count?: number | null | undefined;
  native?: boolean | null | undefined;
  schema?: number | null | undefined;
  zeroThreshold?: number | null | undefined;
  maxBuckets?: number | null | undefined;
  quantiles?: number[] | null | undefined;
  epsilons?: number[] | null | undefined;
  times?: number | null | undefined;
  timestamp?: number | null | undefined;
  ttl?: number | null | undefined;
  exemplar?: ExemplarMessage | null | undefined;
}

export interface ExemplarMessage {
  labels: Labels;
  value?: number | null | undefined;
  timestamp?: number | null | undefined;
}

/** The form of a message of a type, valid or not: no message is valid in two. */
export function formOf(type: MetricType, message: object): Form {
  const { op, native, counts, count } = message as Record<string, unknown>;
  switch (type) {
    case "counter":
      return "counter";
    case "gauge": {
      const operation = fields.operationOf(op);
      return operation === "add" || operation === "sub" ? "gaugeChange" : "gauge";
    }
    case "histogram":
      if (native === true) return "nativeHistogram";
      return counts === undefined || counts === null ? "histogram" : "countedHistogram";
    case "summary":
      return count === undefined || count === null ? "summary" : "countedSummary";
    default:
      return unreachable(type);
  }
}

function form<E extends v.ObjectEntries>(description: string, entries: E) {
  return v.pipe(v.object(entries, missingField), v.description(description));
}

/** Both or neither, of the same length. */
function areOfOneLength(message: {
  quantiles?: number[] | null | undefined;
  epsilons?: number[] | null | undefined;
}): boolean {
  return (message.quantiles ?? []).length === (message.epsilons ?? []).length;
}

/** The object schemas' own message: they speak up only when a required field is missing. */
function missingField(issue: v.BaseIssue<unknown>): DropReason {
  return issue.path?.[0].key === "name" ? "invalid_name" : "invalid_value";
}
