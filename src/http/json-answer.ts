/** Source: Prometheus, "HTTP API": the form of answers, and what an error is called. */
export type ErrorType = "bad_data" | "unavailable" | "forbidden" | "not_found";

const STATUS_OF: Record<ErrorType, number> = {
  bad_data: 400,
  unavailable: 503,
  forbidden: 403,
  not_found: 404,
};

export const JSON_HEADERS = { "Content-Type": "application/json" };

export function succeed(data: unknown): Response {
  const body = `${JSON.stringify({ status: "success", data })}\n`;
  return new Response(body, { headers: JSON_HEADERS });
}

export function fail(errorType: ErrorType, error: string): Response {
  const body = `${JSON.stringify({ status: "error", errorType, error })}\n`;
  return new Response(body, { status: STATUS_OF[errorType], headers: JSON_HEADERS });
}
