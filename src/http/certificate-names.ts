import { isIPv6 } from "node:net";

/**
 * The alternative names in a certificate: host names, addresses of machines and mail, URIs. Of `text` in
 * Node's form (`DNS:a.example, IP Address:10.0.0.1`): a value with a comma stands there in quotes with that
 * escaped, so a name cannot bring along another.
 */
export function namesOf(text: string | undefined): string[] {
  const names: string[] = [];
  for (const part of text?.split(", ") ?? []) {
    const match = /^(?:DNS|IP Address|URI|email):(.*)$/s.exec(part);
    if (match === null) continue;
    const value = match[1]!;
    const name = value.startsWith('"') ? unquote(value) : value;
    if (name !== undefined) names.push(name);
  }
  return names;
}

/** Exactly, as exporter-toolkit does; of an IPv6 address any spelling. */
export function firstNameIn(
  names: readonly string[],
  allowed: ReadonlySet<string>,
): string | undefined {
  const spelled = new Set([...allowed].map(spellAddress));
  return names.find((name) => spelled.has(spellAddress(name)));
}

/** One with a zone (`fe80::1%eth0`) is no host of a URL, and stays as it is. */
function spellAddress(name: string): string {
  if (!isIPv6(name)) return name;
  return URL.parse(`http://[${name}]`)?.hostname.slice(1, -1) ?? name;
}

function unquote(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}
