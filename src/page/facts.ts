import type {
  DropEntry,
  FamiliesPage,
  FamilyPage,
  History,
  SettingEntry,
  Status,
} from "../http/status-types.ts";
import { familiesPath, familyPath, type View } from "./view.ts";

/** What the API says; or, while there is nothing to show, why. */
export type Answer<T> = { data: T } | { error: string };

/** All that the page shows, as it was at one time. */
export interface Facts {
  status: Status;
  history: Answer<History>;
  families: Answer<FamiliesPage>;
  /** Of the family that is open. */
  family: Answer<FamilyPage> | null;
  drops: Answer<DropEntry[]>;
  settings: Answer<SettingEntry[]>;
}

/** Asks the API for a path beneath the page's folder. Fails when there is no answer from it. */
export type Ask = <T>(path: string) => Promise<Answer<T>>;

/** Everything, as for the first answer. */
export async function gather(ask: Ask, view: View): Promise<Facts> {
  const [status, settings] = await Promise.all([
    askStatus(ask),
    ask<SettingEntry[]>("api/v1/settings"),
  ]);
  return { status, settings, ...(await gatherSlow(ask, view, status)) };
}

/** What is asked for most often. */
export async function askStatus(ask: Ask): Promise<Status> {
  const status = await ask<Status>("api/v1/status");
  if ("data" in status) return status.data;
  throw new Error(status.error);
}

/** What need not be as fresh, or costs more. Of families only what `status` says can be shown. */
export async function gatherSlow(
  ask: Ask,
  view: View,
  { owner, reason }: Status,
): Promise<Pick<Facts, "history" | "families" | "family" | "drops">> {
  const isShown = owner && !reason?.startsWith("recovering");
  const unshown = { error: reason ?? "not ready" };
  const [history, families, family, drops] = await Promise.all([
    ask<History>("api/v1/history"),
    isShown ? ask<FamiliesPage>(familiesPath(view)) : unshown,
    view.family === "" ? null : isShown ? ask<FamilyPage>(familyPath(view)) : unshown,
    ask<DropEntry[]>("api/v1/drops"),
  ]);
  return { history, families, family, drops };
}

/** Reads an answer in Prometheus' envelope. */
export function readAnswer<T>(body: unknown): Answer<T> {
  const { status, data, error } = body as { status?: string; data?: T; error?: string };
  if (status === "success") return { data: data as T };
  return { error: error ?? "no answer from the API" };
}

export function dataOf<T>(answer: Answer<T>): T | undefined {
  return "data" in answer ? answer.data : undefined;
}
