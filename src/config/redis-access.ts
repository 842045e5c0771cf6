/** How Redis lets us in. Plain data: it crosses threads. Empty: not set. */
export interface RedisAccess {
  user: string;
  password: string;
  tlsServerName: string;
  tls: TlsTexts;
  /** Paths of what is read anew at each attempt to connect. */
  files: Record<keyof TlsTexts | "connectionString" | "password", string>;
}

/** In PEM; without authorities the well-known ones are trusted. */
export interface TlsTexts {
  ca: string;
  certificate: string;
  key: string;
}

/** The connection string says all. */
export const NO_ACCESS: RedisAccess = {
  user: "",
  password: "",
  tlsServerName: "",
  tls: { ca: "", certificate: "", key: "" },
  files: { connectionString: "", password: "", ca: "", certificate: "", key: "" },
};
