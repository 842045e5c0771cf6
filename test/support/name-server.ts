/** A DNS server on an address of its own that knows one name. */
export interface NameServer {
  address: string;
  stop(): void;
}

const ADDRESS = "127.53.0.1";
const HEADER_BYTES = 12;
const TYPE_A = 1;

/** Starts one which says that `name` is 127.0.0.1. Source: RFC 1035, section 4. */
export async function startNameServer(name: string): Promise<NameServer> {
  const socket = await Bun.udpSocket({
    hostname: ADDRESS,
    port: 53,
    socket: {
      data(from, query, port, address) {
        const end = query.indexOf(0, HEADER_BYTES);
        const labels: string[] = [];
        for (let i = HEADER_BYTES; i < end; i += query[i] + 1) {
          labels.push(query.toString("latin1", i + 1, i + 1 + query[i]));
        }
        const isKnown = labels.join(".").toLowerCase() === name;
        const isAnswered = isKnown && query.readUInt16BE(end + 1) === TYPE_A;
        const question = query.subarray(HEADER_BYTES, end + 5);
        // The name of the question, type A, class IN, 1 s, 4 bytes.
        const answer = [0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1];
        const header = Buffer.alloc(HEADER_BYTES);
        query.copy(header, 0, 0, 2);
        header[2] = 0x84; // An answer, of an authority.
        header[3] = isKnown ? 0 : 3; // No such name.
        header[5] = 1; // Questions.
        header[7] = isAnswered ? 1 : 0; // Answers.
        from.send(
          Buffer.from([...header, ...question, ...(isAnswered ? answer : [])]),
          port,
          address,
        );
      },
    },
  });
  return { address: ADDRESS, stop: () => socket.close() };
}
