//! Reads Rust source text as far as imports need it.

/// The text without comments, strings and characters, which may say what they like.
pub fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            string_end(rest)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = 2 + hashes;
            rest[begin..].find(&end).map_or(rest.len(), |place| begin + place + end.len())
        } else if first == '\'' {
            character_end(rest)
        } else {
            let length = first.len_utf8();
            code.push(first);
            rest = &rest[length..];
            continue;
        };
        // Keeps words apart and lines where they are.
        code.push(' ');
        code.extend(rest[..skipped].chars().filter(|character| *character == '\n'));
        rest = &rest[skipped..];
    }
    code
}

/// The end of a string that begins here.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (place, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// How many `#` a raw string that begins here has.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// The end of a character literal, or just of the quote of a lifetime.
fn character_end(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some(_)) => {
            characters.find(|(_, character)| *character == '\'').map_or(1, |(place, _)| place + 1)
        }
        (Some(_), Some((place, '\''))) => place + 1,
        _ => 1,
    }
}

/// Words and the signs that paths consist of.
pub fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

/// All paths in the tokens, with groups such as `a::{b, c::d}` written out.
pub fn paths(tokens: &[&str]) -> Vec<Vec<String>> {
    let is_word = |token: &str| token.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let mut found = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        let follows = place > 0 && ["::", "."].contains(&tokens[place - 1]);
        if is_word(tokens[place]) && !follows && tokens.get(place + 1) == Some(&"::") {
            place = path(tokens, place, &[], &mut found);
        } else {
            place += 1;
        }
    }
    found
}

/// Reads one path that begins at `place`; returns where it ends.
fn path(
    tokens: &[&str],
    mut place: usize,
    prefix: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut words = prefix.to_vec();
    loop {
        match tokens.get(place) {
            Some(&"{") if !words.is_empty() => {
                place += 1;
                while tokens.get(place).is_some_and(|token| *token != "}") {
                    if tokens[place] == "," {
                        place += 1;
                    } else {
                        let end = path(tokens, place, &words, found);
                        // Whatever this is, go on behind it.
                        place = end.max(place + 1);
                    }
                }
                return place + 1;
            }
            Some(word) if word.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                words.push((*word).to_owned());
                place += 1;
            }
            _ => break,
        }
        if tokens.get(place) != Some(&"::") {
            break;
        }
        place += 1;
    }
    found.push(words);
    place
}
