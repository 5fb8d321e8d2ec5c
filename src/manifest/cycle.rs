//! A circle among dependencies, with its path.

use std::collections::BTreeMap;

/// The first circle found, from a node back to itself; `None` if there is none.
pub(crate) fn find<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    // 1: on the path, 2: done. An own stack, because a chain may be as long as the file allows.
    let mut state: BTreeMap<&str, u8> = BTreeMap::new();
    for start in edges.keys() {
        let mut path: Vec<(&'a str, usize)> = Vec::new();
        if !state.contains_key(start) {
            state.insert(start, 1);
            path.push((start, 0));
        }
        while let Some((name, next)) = path.last_mut() {
            let target = edges.get(name).and_then(|targets| targets.get(*next)).copied();
            *next += 1;
            let name = *name;
            match target {
                None => {
                    state.insert(name, 2);
                    path.pop();
                }
                Some(target) => match state.get(target) {
                    Some(1) => {
                        let mut circle: Vec<&str> = path
                            .iter()
                            .map(|(name, _)| *name)
                            .skip_while(|name| *name != target)
                            .collect();
                        circle.push(target);
                        return Some(circle);
                    }
                    Some(_) => {}
                    None => {
                        state.insert(target, 1);
                        path.push((target, 0));
                    }
                },
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_named_from_end_to_end() {
        let edges = BTreeMap::from([
            ("a", vec!["b"]),
            ("b", vec!["c", "d"]),
            ("c", vec![]),
            ("d", vec!["b"]),
        ]);
        assert_eq!(find(&edges), Some(vec!["b", "d", "b"]));
        assert_eq!(find(&BTreeMap::from([("a", vec!["b"]), ("b", vec![])])), None);
        assert_eq!(find(&BTreeMap::from([("a", vec!["a"])])), Some(vec!["a", "a"]));
    }
}
