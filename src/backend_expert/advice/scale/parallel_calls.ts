type Fetch = (path: string, signal: AbortSignal) => Promise<unknown>;

const BUDGET_MS = 300;

/** Ask for what needs nothing of each other at once; each call keeps its own limit, and the optional one may fail alone. */
export async function home(id: string, users: Fetch, offers: Fetch): Promise<{ user: unknown; offers: unknown }> {
  const [user, found] = await Promise.allSettled([
    users(`/users/${encodeURIComponent(id)}`, AbortSignal.timeout(BUDGET_MS)),
    offers('/offers', AbortSignal.timeout(BUDGET_MS)),
  ]);
  if (user.status === 'rejected') {
    throw user.reason;
  }
  return { user: user.value, offers: found.status === 'fulfilled' ? found.value : [] };
}
