/** What a tab shows: the state first, of which there is room for in any case. */
export function titleOf(state: string, gatewayId: string): string {
  return `${state} - ${gatewayId}`;
}
