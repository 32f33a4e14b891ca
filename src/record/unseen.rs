//! Characters that nobody sees, though they change what is seen.

use icu_properties::{
    CodePointSetData, CodePointSetDataBorrowed,
    props::{BidiControl, DefaultIgnorableCodePoint},
};

const BIDI: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<BidiControl>();
const IGNORABLE: CodePointSetDataBorrowed<'static> =
    CodePointSetData::new::<DefaultIgnorableCodePoint>();

/// Whether `c` is a control character, changes the direction of what follows, separates lines
/// unseen, or is not shown at all. Joiners and the selectors of a character's variant are not among
/// them: scripts need the ones, pictures the others.
pub fn is_unseen(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let variant = matches!(c, '\u{fe00}'..='\u{fe0f}');
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || BIDI.contains(c)
        || (IGNORABLE.contains(c) && !is_joiner(c) && !variant)
}

/// Zero width joiner and non-joiner, which Arabic and Indic scripts need.
pub const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Text for HTML, in an element or a quoted attribute. What nobody sees is made visible.
pub fn in_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_unseen(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
