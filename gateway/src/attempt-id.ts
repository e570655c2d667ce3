/** What one attempt of a request is called, wherever it is written down: the first one is called like the request. */
export function attemptIdOf({
  requestId,
  attempt,
}: {
  requestId: string;
  attempt?: number | undefined;
}): string {
  return attempt === undefined ? requestId : `${requestId}.${attempt}`;
}
