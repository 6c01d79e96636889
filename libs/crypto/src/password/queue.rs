//! The queue of passwords, fair between those who ask.
//!
//! It is short, so what decides is who gets a place and whose turn it is. Both go by where a task comes from: the widest ranges of addresses
//! take turns, then the narrower ones within each, then the tasks of the narrowest in their order. When there is no place left, a task
//! whose range has fewer places than another's takes the newest place of that. So somebody with thousands of addresses of one range stands
//! in line for one range, and everybody else is served.
//!
//! Who is known (a person where they signed in before) has a queue of their own, served in turns with the other, in which accounts take
//! turns. The unknown never get more than three quarters of the places: however many ranges somebody commands, people sign in where they did.
//! Who is known may use all places, and gives the last quarter back to the unknown who come.

use std::collections::VecDeque;

/// On whose behalf a password is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// Whether it is somebody who is known, or the server itself.
    pub known: bool,
    /// What takes turns, and what takes turns within that: ranges of addresses, the widest first; of who is known, their account first.
    pub path: [String; 3],
}

/// The tasks that wait.
pub(super) struct Queue<T> {
    known: Branch<T>,
    unknown: Branch<T>,
    limit: usize,
    known_is_next: bool,
}

/// Tasks in their order, or groups of them that take turns. No group is empty.
enum Branch<T> {
    Tasks(VecDeque<T>),
    Groups(VecDeque<(String, Branch<T>)>),
}

impl<T> Queue<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { known: Branch::root(), unknown: Branch::root(), limit: limit.max(1), known_is_next: true }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len() + self.unknown.len()
    }

    pub(super) fn is_full(&self, asker: &Asker) -> bool {
        self.len() >= self.limit || !asker.known && self.unknown.len() >= self.most()
    }

    /// What the other side leaves to one.
    fn most(&self) -> usize {
        self.limit - self.limit / 4
    }

    /// Queues `task`; the one for which there is no place then, which may be `task` itself.
    pub(super) fn push(&mut self, asker: &Asker, task: T) -> Option<T> {
        if !self.is_full(asker) {
            self.side(asker.known).push(&asker.path, task);
            return None;
        }
        let theirs = self.side(!asker.known).len() > self.most();
        let evicted = if theirs { self.side(!asker.known).pop_newest() } else { self.side(asker.known).make_room(&asker.path) };
        if evicted.is_none() {
            return Some(task);
        }
        self.side(asker.known).push(&asker.path, task);
        evicted
    }

    /// The next one, whose group then goes behind the others.
    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.known_is_next;
        self.known_is_next = !first;
        self.side(first).pop().or_else(|| self.side(!first).pop())
    }

    /// Keeps what is still wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(&T) -> bool) {
        self.known.retain(&wanted);
        self.unknown.retain(&wanted);
    }

    fn side(&mut self, known: bool) -> &mut Branch<T> {
        if known { &mut self.known } else { &mut self.unknown }
    }
}

impl<T> Branch<T> {
    fn root() -> Self {
        Self::Groups(VecDeque::new())
    }

    fn len(&self) -> usize {
        match self {
            Self::Tasks(tasks) => tasks.len(),
            Self::Groups(groups) => groups.iter().map(|(_, group)| group.len()).sum(),
        }
    }

    fn push(&mut self, path: &[String], task: T) {
        match (self, path) {
            (Self::Tasks(tasks), _) => tasks.push_back(task),
            // Paths are all of one length, so there is always a name here.
            (Self::Groups(_), []) => {}
            (Self::Groups(groups), [name, rest @ ..]) => {
                if let Some((_, group)) = groups.iter_mut().find(|(known, _)| known == name) {
                    return group.push(rest, task);
                }
                let mut group = if rest.is_empty() { Self::Tasks(VecDeque::new()) } else { Self::root() };
                group.push(rest, task);
                groups.push_back((name.clone(), group));
            }
        }
    }

    fn pop(&mut self) -> Option<T> {
        match self {
            Self::Tasks(tasks) => tasks.pop_front(),
            Self::Groups(groups) => {
                let (name, mut group) = groups.pop_front()?;
                let task = group.pop();
                if group.len() > 0 {
                    groups.push_back((name, group));
                }
                task
            }
        }
    }

    /// Makes room for a task with this path by the newest of a group that has more places than the task's own would have then, as high up
    /// as there is one; `None` where that would be no fairer.
    fn make_room(&mut self, path: &[String]) -> Option<T> {
        let (Self::Groups(groups), [name, rest @ ..]) = (self, path) else { return None };
        let own = groups.iter().position(|(known, _)| known == name);
        let ours = own.map_or(0, |at| groups[at].1.len());
        let longest = longest(groups)?;
        if groups[longest].1.len() > ours + 1 {
            return take_newest(groups, longest);
        }
        groups[own?].1.make_room(rest)
    }

    fn pop_newest(&mut self) -> Option<T> {
        match self {
            Self::Tasks(tasks) => tasks.pop_back(),
            Self::Groups(groups) => {
                let longest = longest(groups)?;
                take_newest(groups, longest)
            }
        }
    }

    fn retain(&mut self, wanted: &impl Fn(&T) -> bool) {
        match self {
            Self::Tasks(tasks) => tasks.retain(wanted),
            Self::Groups(groups) => groups.retain_mut(|(_, group)| {
                group.retain(wanted);
                group.len() > 0
            }),
        }
    }
}

type Groups<T> = VecDeque<(String, Branch<T>)>;

/// Of several the last one, which came last.
fn longest<T>(groups: &Groups<T>) -> Option<usize> {
    (0..groups.len()).max_by_key(|at| groups[*at].1.len())
}

fn take_newest<T>(groups: &mut Groups<T>, at: usize) -> Option<T> {
    let task = groups[at].1.pop_newest();
    if groups[at].1.len() == 0 {
        groups.remove(at);
    }
    task
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(known: bool, path: [&str; 3]) -> Asker {
        Asker { known, path: path.map(str::to_owned) }
    }
    /// A stranger from a /64 of a /48.
    fn from(wide: &str, narrow: usize) -> Asker {
        asker(false, [wide, "56", &narrow.to_string()])
    }
    fn served(queue: &mut Queue<String>) -> Vec<String> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn somebody_with_thousands_of_networks_of_one_range_takes_no_place_from_others() {
        let mut queue = Queue::new(16);
        let flood = (0..4_000).filter_map(|n| queue.push(&from("attacker", n), format!("attacker {n}"))).count();
        assert_eq!((flood, queue.len()), (4_000 - 12, 12), "a quarter is kept for who is known");
        for n in 0..11 {
            let evicted = queue.push(&from(&format!("range {n}"), 0), format!("somebody {n}"));
            assert!(evicted.unwrap().starts_with("attacker"), "{n}");
            let again = queue.push(&from("attacker", 5_000 + n), "attacker again".to_owned());
            assert!(again.unwrap().starts_with("attacker"), "{n}");
        }
        let order = served(&mut queue);
        assert_eq!(order.iter().filter(|one| one.starts_with("somebody")).count(), 11, "{order:?}");
    }

    #[test]
    fn people_of_one_range_are_served_beside_a_flood_from_another() {
        let mut queue = Queue::new(64);
        for n in 0..200 {
            queue.push(&from("attacker", n), format!("attacker {n}"));
        }
        let refused = (0..15).filter_map(|n| queue.push(&from("a town", n), format!("somebody {n}"))).collect::<Vec<_>>();
        assert!(refused.iter().all(|evicted| evicted.starts_with("attacker")));
        let order = served(&mut queue);
        let waited = order.iter().position(|one| one == "somebody 14").unwrap();
        assert!(waited <= 30, "they take turns: {waited}");
    }

    #[test]
    fn within_a_range_the_narrower_ones_take_turns() {
        let mut queue = Queue::new(100);
        for (narrow, name) in [(1, "a"), (1, "b"), (1, "c"), (2, "d"), (3, "e")] {
            queue.push(&from("range", narrow), name.to_owned());
        }
        queue.push(&from("other", 1), "f".to_owned());
        assert_eq!(served(&mut queue), ["a", "f", "d", "e", "b", "c"]);
    }

    #[test]
    fn who_is_known_has_places_however_many_ranges_strangers_have() {
        let mut queue = Queue::new(16);
        let known = |account: &str, n: usize| asker(true, [account, "range", &n.to_string()]);
        for n in 0..1_000 {
            queue.push(&from(&format!("range {n}"), n), format!("stranger {n}"));
        }
        // One account that is known in a thousand networks is one that takes turns.
        for n in 0..1_000 {
            queue.push(&known("theirs", n), format!("theirs {n}"));
        }
        for n in 0..3 {
            let evicted = queue.push(&known(&format!("account {n}"), 0), format!("owner {n}"));
            assert!(evicted.unwrap().starts_with("theirs"), "{n}");
        }
        let order = served(&mut queue);
        assert_eq!(order.len(), 16);
        let last = order.iter().rposition(|one| one.starts_with("owner")).unwrap();
        assert!(last <= 8, "in turns with strangers: {order:?}");
    }

    #[test]
    fn who_has_gone_leaves_no_group_behind() {
        let mut queue = Queue::new(16);
        for n in 0..12 {
            queue.push(&from("range", n), n);
        }
        queue.retain(|n| *n == 3);
        assert_eq!((queue.len(), queue.pop(), queue.pop()), (1, Some(3), None));
        assert!(matches!(&queue.unknown, Branch::Groups(groups) if groups.is_empty()));
    }
}
