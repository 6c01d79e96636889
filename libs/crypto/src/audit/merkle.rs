//! The Merkle tree over the leaves of a segment, as RFC 6962 (section 2.1) builds it: a leaf is hashed behind a byte 0 and an inner node
//! behind a byte 1, so that neither passes for the other; of `n` leaves, the left subtree holds the largest power of two below `n`.
//! What is hashed of a leaf is its hexadecimal text.

use sha2::{Digest, Sha256};

type Hash = [u8; 32];

fn of_leaf(leaf: &str) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn of_node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// How many of `n` leaves (at least two) are on the left.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// The root of a subtree; `sibling` is told each node that stands beside the way down to leaf `index`, the lowest first.
fn descend(leaves: &[Hash], index: Option<usize>, siblings: &mut Vec<Hash>) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [one] => *one,
        many => {
            let at = split(many.len());
            let (left, right) = many.split_at(at);
            let (into_left, into_right) = (index.filter(|i| *i < at), index.and_then(|i| i.checked_sub(at)));
            let (l, r) = (descend(left, into_left, siblings), descend(right, into_right, siblings));
            if into_left.is_some() {
                siblings.push(r);
            } else if into_right.is_some() {
                siblings.push(l);
            }
            of_node(&l, &r)
        }
    }
}

/// The root over leaves.
pub fn root<L: AsRef<str>>(leaves: &[L]) -> String {
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| of_leaf(leaf.as_ref())).collect();
    hex::encode(descend(&hashes, None, &mut Vec::new()))
}

/// What proves that leaf `index` is under the root: the nodes beside its way up, the lowest first.
pub fn path<L: AsRef<str>>(leaves: &[L], index: usize) -> Vec<String> {
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| of_leaf(leaf.as_ref())).collect();
    let mut siblings = Vec::new();
    descend(&hashes, Some(index), &mut siblings);
    siblings.iter().map(hex::encode).collect()
}

/// Whether `leaf` is number `index` (from 0) of the `size` leaves under `root` (RFC 9162, section 2.1.3.2).
pub fn proves(leaf: &str, index: usize, size: usize, path: &[String], root: &str) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, of_leaf(leaf));
    for step in path {
        let mut sibling = Hash::default();
        if last == 0 || hex::decode_to_slice(step, &mut sibling).is_err() {
            return false;
        }
        if node % 2 == 1 || node == last {
            hash = of_node(&sibling, &hash);
            // A node without a right neighbour went up unpaired.
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node / 2, last / 2);
            }
        } else {
            hash = of_node(&hash, &sibling);
        }
        (node, last) = (node / 2, last / 2);
    }
    last == 0 && hex::encode(hash) == root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("leaf {i}")).collect()
    }

    #[test]
    fn a_known_tree() {
        // Of RFC 6962's own picture: seven leaves, ((0 1)(2 3)) ((4 5) 6).
        let h: Vec<Hash> = leaves(7).iter().map(|leaf| of_leaf(leaf)).collect();
        let (a, b, c) = (of_node(&h[0], &h[1]), of_node(&h[2], &h[3]), of_node(&h[4], &h[5]));
        let (left, right) = (of_node(&a, &b), of_node(&c, &h[6]));
        assert_eq!(root(&leaves(7)), hex::encode(of_node(&left, &right)));
        assert_eq!(path(&leaves(7), 6), [hex::encode(c), hex::encode(left)]);
        assert_eq!(path(&leaves(7), 3), [hex::encode(h[2]), hex::encode(a), hex::encode(right)]);
    }

    #[test]
    fn every_leaf_of_every_tree_is_proven_and_nothing_else_is() {
        for n in 1..=40 {
            let all = leaves(n);
            let root = root(&all);
            for i in 0..n {
                let path = path(&all, i);
                assert!(proves(&all[i], i, n, &path, &root), "{i} of {n}");
                assert!(!proves("another", i, n, &path, &root));
                assert!(!proves(&all[i], i + 1, n, &path, &root), "{i} of {n} elsewhere");
                assert!(!proves(&all[i], i, n, &path, &super::root(&leaves(n + 1))));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!proves(&all[i], i, n, shorter, &root));
                }
            }
        }
    }

    #[test]
    fn order_counts_and_a_node_is_no_leaf() {
        assert_ne!(root(&["a", "b"]), root(&["b", "a"]));
        assert_ne!(root(&["a", "b", "c"]), root(&["a", "b"]));
        assert_ne!(of_leaf("x"), of_node(&of_leaf("x"), &of_leaf("x")));
        assert!(!proves("a", 0, 1, &["zz".to_owned()], &root(&["a"])));
    }
}
