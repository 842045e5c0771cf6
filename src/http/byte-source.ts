/** Bytes that are made when they are asked for. */
export interface ByteSource {
  /**
   * The next bytes, at least one; undefined at the end. Asked again only once it has answered, as when
   * the connection has taken the last ones. Fails once the source was ended, and with what makes it
   * fail.
   */
  next(): Promise<Uint8Array | undefined>;
  /** Gives back what the source holds. At any time, and more than once. */
  end(): void;
}
