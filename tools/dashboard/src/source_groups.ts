// Which lines the source table has: the sources of a group are one line, and its members follow it while it is open.
import type { Source } from "./api";

export interface SourceLine {
  key: string;
  source: Source;
  members: number; // 0: a source of its own
  open: boolean;
  inside: boolean; // a member that is shown
}

function states(members: Source[]): string {
  const counts = new Map<string, number>();
  for (const { state } of members) counts.set(state, (counts.get(state) ?? 0) + 1);
  if (counts.size === 1) return members[0]!.state;
  return [...counts].map(([state, count]) => `${state} ${count}`).join(", ");
}

function together(group: string, members: Source[]): Source {
  const lags = members.map((member) => member.lag).filter((lag) => typeof lag === "number");
  return {
    ...members[0]!,
    name: group,
    state: states(members),
    rate: members.reduce((sum, member) => sum + (member.rate ?? 0), 0),
    lag: lags.length > 0 ? Math.min(...lags) : null,
    last_error: members.find((member) => member.last_error)?.last_error ?? null,
    next_try: members.find((member) => member.next_try)?.next_try ?? null,
  };
}

export function linesOf(sources: Source[], open: Set<string>): SourceLine[] {
  const groups = new Map<string, Source[]>();
  for (const source of sources) {
    if (!source.group) continue;
    groups.set(source.group, [...(groups.get(source.group) ?? []), source]);
  }
  const lines: SourceLine[] = [];
  for (const source of sources) {
    const { name, group } = source;
    const alone = { key: `source ${name}`, source, members: 0, open: false, inside: false };
    if (!group) {
      lines.push(alone);
      continue;
    }
    const members = groups.get(group)!;
    if (members[0] !== source) continue;
    const head = { ...alone, key: `group ${group}`, source: together(group, members), members: members.length };
    lines.push({ ...head, open: open.has(group) });
    if (!open.has(group)) continue;
    for (const member of members) lines.push({ ...alone, key: `source ${member.name}`, source: member, inside: true });
  }
  return lines;
}
