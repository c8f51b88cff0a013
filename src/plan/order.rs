//! The order of checks.

/// The checks of a plan, and what each waits for, transitively.
#[derive(Debug)]
pub struct Order {
    /// A topological order: every check comes after its needs.
    sorted: Vec<usize>,
    /// For each check, the checks that must come before it.
    before: Vec<Bits>,
}

impl Order {
    /// Creates the order. `needs` holds the needs of each check and contains no cycle.
    pub fn new(needs: &[&[usize]]) -> Order {
        let count = needs.len();
        let mut missing: Vec<usize> = needs.iter().map(|needs| needs.len()).collect();
        let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (check, needs) in needs.iter().enumerate() {
            needs.iter().for_each(|need| dependents[*need].push(check));
        }
        let mut sorted: Vec<usize> = (0..count).filter(|check| missing[*check] == 0).collect();
        let mut before = vec![Bits::new(count); count];
        let mut next = 0;
        while let Some(check) = sorted.get(next).copied() {
            let mut own = Bits::new(count);
            for need in needs[check] {
                own.insert(*need);
                own.add_all(&before[*need]);
            }
            before[check] = own;
            for dependent in &dependents[check] {
                missing[*dependent] -= 1;
                if missing[*dependent] == 0 {
                    sorted.push(*dependent);
                }
            }
            next += 1;
        }
        Order { sorted, before }
    }

    /// Returns a topological order.
    pub fn sorted(&self) -> impl Iterator<Item = usize> {
        self.sorted.iter().copied()
    }

    /// Whether `earlier` must have passed before `later` starts.
    pub fn is_before(&self, earlier: usize, later: usize) -> bool {
        self.before[later].contains(earlier)
    }

    /// Returns the round of each check: 0 if it waits for nothing.
    pub fn rounds(&self, needs: &[&[usize]]) -> Vec<usize> {
        let mut rounds = vec![0; needs.len()];
        for check in self.sorted() {
            rounds[check] = needs[check].iter().map(|need| rounds[*need] + 1).max().unwrap_or(0);
        }
        rounds
    }

    /// Returns those of `needs` that none of the others already waits for.
    pub fn nearest(&self, needs: &[usize]) -> Vec<usize> {
        let nearest = needs.iter().filter(|need| !needs.iter().any(|other| self.is_before(**need, *other)));
        nearest.copied().collect()
    }

    /// Returns, for each check, which of `runs` may run at the same time.
    pub(super) fn beside(&self, runs: &[bool]) -> Vec<Bits> {
        let count = runs.len();
        let mut all = Bits::new(count);
        (0..count).filter(|check| runs[*check]).for_each(|check| all.insert(check));
        let mut beside: Vec<Bits> = (0..count).map(|_| all.clone()).collect();
        for (check, before) in self.before.iter().enumerate() {
            beside[check].remove(check);
            beside[check].remove_all(before);
            before.iter().for_each(|earlier| beside[earlier].remove(check));
        }
        beside
    }

    /// Whether `places` chains of needs cover all of `runs`. If so, no more of them can ever run at the same time.
    pub(super) fn fits_in(&self, places: usize, runs: &[bool]) -> bool {
        let mut ends: Vec<usize> = Vec::new();
        for check in self.sorted().filter(|check| runs[*check]) {
            match ends.iter().position(|end| self.is_before(*end, check)) {
                Some(chain) => ends[chain] = check,
                None if ends.len() == places => return false,
                None => ends.push(check),
            }
        }
        true
    }
}

/// A set of checks.
#[derive(Debug, Clone)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub fn new(count: usize) -> Bits {
        Bits { words: vec![0; count.div_ceil(64)] }
    }

    pub fn contains(&self, index: usize) -> bool {
        self.words[index / 64] & (1 << (index % 64)) != 0
    }

    pub fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    pub fn remove(&mut self, index: usize) {
        self.words[index / 64] &= !(1 << (index % 64));
    }

    pub fn add_all(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(own, other)| *own |= other);
    }

    pub fn remove_all(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(own, other)| *own &= !other);
    }

    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            // Clears the lowest bit until none is set.
            let rest = std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)));
            rest.take_while(|rest| *rest != 0).map(move |rest| index * 64 + rest.trailing_zeros() as usize)
        })
    }
}
