/** Sizes in words. */

/** MiB as "512 MiB" or "3.5 GiB". */
export function memory(mib: number): string {
  if (mib < 1024) return `${Math.round(mib)} MiB`;
  const gib = mib / 1024;
  return gib < 1024 ? `${trim(gib)} GiB` : `${trim(gib / 1024)} TiB`;
}

/** Bytes as "731 kB", "1.2 GB". */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let rest = count;
  while (rest >= 1000 && at < units.length - 1) {
    rest /= 1000;
    at++;
  }
  return `${at === 0 ? rest : trim(rest)} ${units[at]}`;
}

/** Bit/s as "10G", "100M". */
export function rate(bits: number): string {
  const units = ["", "k", "M", "G", "T"];
  let at = 0;
  let rest = bits;
  while (rest >= 1000 && at < units.length - 1) {
    rest /= 1000;
    at++;
  }
  return `${trim(rest)}${units[at]}`;
}

function trim(number: number): string {
  return number >= 100 ? String(Math.round(number)) : number.toFixed(1).replace(/\.0$/, "");
}

/** "1 machine", "3 machines". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
