//! The difference of two texts, line by line, as people read it.

use std::fmt::Write as _;

/// How many equal lines are shown around a change.
const AROUND: usize = 3;

/// The lines that went (`-`) and came (`+`), with some around them.
pub(crate) fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let steps = steps(&old, &new);
    let mut out = String::new();
    let mut hidden = false;
    for (index, (mark, line)) in steps.iter().enumerate() {
        let near = &steps[index.saturating_sub(AROUND)..(index + AROUND + 1).min(steps.len())];
        if near.iter().any(|(mark, _)| *mark != ' ') {
            if hidden {
                out.push_str("  ...\n");
            }
            let _ = writeln!(out, "{mark} {line}");
        }
        hidden = near.iter().all(|(mark, _)| *mark == ' ');
    }
    out
}

/// The shortest way from one to the other, by the longest common subsequence between their equal ends.
fn steps<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let end = old[start..].iter().rev().zip(new[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut length = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            length[i][j] = if a[i] == b[j] { length[i + 1][j + 1] + 1 } else { length[i + 1][j].max(length[i][j + 1]) };
        }
    }
    let mut steps: Vec<_> = old[..start].iter().map(|line| (' ', *line)).collect();
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            steps.push((' ', a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && length[i + 1][j] >= length[i][j + 1]) {
            steps.push(('-', a[i]));
            i += 1;
        } else {
            steps.push(('+', b[j]));
            j += 1;
        }
    }
    steps.extend(old[old.len() - end..].iter().map(|line| (' ', *line)));
    steps
}
