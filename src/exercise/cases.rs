//! Synthetic files of case systems: the layouts of CTDC, HTCDS and the GLOTIP, with made-up cases; a
//! column says EXERCISE where the layout has room for one.

use super::random::SplitMix64;

/// A layout of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseLayout {
    /// The 27 variables of CTDC, with the case's number.
    Ctdc,
    /// Fields of HTCDS 2.0, with the case's number.
    Htcds,
    /// Counts of the GLOTIP.
    Glotip,
}

/// The 27 variables of CTDC, as its codebook of 2024 names them.
pub const CTDC: [&str; 27] = [
    "yearOfRegistration",
    "gender",
    "ageBroad",
    "citizenship",
    "CountryOfExploitation",
    "traffickMonths",
    "meansDebtBondageEarnings",
    "meansThreats",
    "meansAbusePsyPhySex",
    "meansFalsePromises",
    "meansDrugsAlcohol",
    "meansDenyBasicNeeds",
    "meansExcessiveWorkHours",
    "meansWithholdDocs",
    "isForcedLabour",
    "isSexualExploit",
    "isOtherExploit",
    "typeOfLabourAgriculture",
    "typeOfLabourConstruction",
    "typeOfLabourDomesticWork",
    "typeOfLabourHospitality",
    "typeOfSexProstitution",
    "typeOfSexPornography",
    "recruiterRelationIntimatePartner",
    "recruiterRelationFriend",
    "recruiterRelationFamily",
    "recruiterRelationOther",
];

const HTCDS: [&str; 13] = [
    "cas_CaseNumber",
    "cas_Status",
    "cas_IncomingReferralDate",
    "org_Type",
    "prs_Gender",
    "vic_AgeWhenTrafficked",
    "prs_Citizenship",
    "hte_Country",
    "vic_TraffickingStatus",
    "vic_TypeOfExploitation",
    "vic_ForcedLabourIndustry",
    "vic_MethodOfRecruitment",
    "vic_MethodsOfControl",
];

const GLOTIP: [&str; 13] = [
    "Iso3_code",
    "Country",
    "Region",
    "Subregion",
    "Indicator",
    "Dimension",
    "Category",
    "Sex",
    "Age",
    "Year",
    "Unit of measurement",
    "txtVALUE",
    "Source",
];

/// Ages of CTDC, as files write them: with one dash, two, or a long one.
const AGES: [&str; 5] = ["9--17", "18—20", "21--23", "27–29", "48+"];
const COUNTRIES: [&str; 5] = ["TJK", "UZB", "KGZ", "KAZ", "ARE"];
const MONTHS: [&str; 3] = ["0--12 (0-1 yr)", "13--24 (1-2 yrs)", "25+ (2+ yrs)"];

/// The lines of a file: its heading, then as many rows as are asked for. The same seed gives the same
/// file. A `dirty` one has, every tenth row, something that files of case systems are known to have.
pub fn case_file(
    layout: CaseLayout,
    seed: u64,
    rows: u64,
    dirty: bool,
) -> impl Iterator<Item = String> {
    let heading = match layout {
        CaseLayout::Ctdc => std::iter::once("caseId").chain(CTDC).collect::<Vec<_>>(),
        CaseLayout::Htcds => HTCDS.to_vec(),
        CaseLayout::Glotip => GLOTIP.to_vec(),
    };
    let lines = (0..rows).map(move |index| {
        let mut random = SplitMix64::new(seed, index);
        let cells = match layout {
            CaseLayout::Ctdc => ctdc(&mut random, index),
            CaseLayout::Htcds => htcds(&mut random, index),
            CaseLayout::Glotip => glotip(&mut random, index),
        };
        if dirty && index % 10 == 9 {
            soiled(cells, index / 10)
        } else {
            line(&cells)
        }
    });
    std::iter::once(heading.join(",")).chain(lines)
}

/// Cells as a line of CSV.
fn line(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| {
        if cell.contains([',', '"', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    });
    cells.collect::<Vec<_>>().join(",")
}

/// A row with something wrong, in turn.
fn soiled(mut cells: Vec<String>, turn: u64) -> String {
    let mut put = |at: usize, text: &str| {
        if let Some(cell) = cells.get_mut(at) {
            text.clone_into(cell);
        }
    };
    match turn % 10 {
        // Of another row, and nothing like it.
        0 => put(0, "EXERCISE-0000001"),
        // Digits of Persian; a year of the Solar Hijri calendar.
        1 => put(1, "۱۴۰۲"),
        2 => put(1, "2.022"),
        3 => put(4, "Atlantis"),
        4 => put(3, "17 or so"),
        5 => put(0, ""),
        6 => put(2, &"x".repeat(70_000)),
        // A date of two readings, where a year is due.
        7 => put(1, "04/05/2022"),
        8 => {
            cells.pop();
        }
        _ => return format!("\"{}\"x,{}", cells.concat().len(), line(&cells)),
    }
    line(&cells)
}

fn number(index: u64) -> String {
    format!("EXERCISE-{:07}", index + 1)
}

fn ctdc(random: &mut SplitMix64, index: u64) -> Vec<String> {
    let mut cells = vec![
        number(index),
        (2015 + random.below(10)).to_string(),
        random
            .pick(&[
                "Man",
                "Woman",
                "Woman",
                "Trans/Transgender/NonConforming",
                "NULL",
            ])
            .to_owned(),
        random.pick(&AGES).to_owned(),
        random.pick(&COUNTRIES).to_owned(),
        random.pick(&COUNTRIES).to_owned(),
        random.pick(&MONTHS).to_owned(),
    ];
    let labour = random.chance(60);
    for variable in CTDC.iter().skip(6) {
        let yes = match *variable {
            "isForcedLabour" => labour,
            "isSexualExploit" => !labour,
            _ if variable.starts_with("typeOfLabour") => labour && random.chance(30),
            _ if variable.starts_with("typeOfSex") => !labour && random.chance(60),
            _ => random.chance(35),
        };
        cells.push(if yes { "1" } else { "" }.to_owned());
    }
    cells
}

fn htcds(random: &mut SplitMix64, index: u64) -> Vec<String> {
    let labour = random.chance(60);
    vec![
        number(index),
        random
            .pick(&["Active", "FollowUp", "Closed", "Closed Referred"])
            .to_owned(),
        format!(
            "{}-{:02}-{:02}",
            2018 + random.below(7),
            1 + random.below(12),
            1 + random.below(28)
        ),
        random
            .pick(&[
                "NGO",
                "LawEnforcement",
                "ImmigrationService",
                "HealthServiceOrganisation",
            ])
            .to_owned(),
        random
            .pick(&["Feminine", "Masculine", "NonSpecifiedUnknown"])
            .to_owned(),
        (12 + random.below(45)).to_string(),
        random.pick(&COUNTRIES).to_owned(),
        random.pick(&COUNTRIES).to_owned(),
        random
            .pick(&[
                "ActualVictimOfTrafficking",
                "Possible victim of trafficking",
            ])
            .to_owned(),
        if labour {
            "ForcedLabour"
        } else {
            "SexualExploitation"
        }
        .to_owned(),
        if labour {
            random
                .pick(&["F_Construction", "A_AgricultureForestryAndFishing"])
                .to_owned()
        } else {
            String::new()
        },
        random
            .some(
                &[
                    "AtWork",
                    "ThroughOnlineSocialNetworks",
                    "ThroughFriendsOrSocialEvents",
                ],
                2,
            )
            .join(";"),
        random
            .some(&["DebtBondage", "FalsePromises", "WithholdsDocuments"], 3)
            .join(";"),
    ]
}

fn glotip(random: &mut SplitMix64, index: u64) -> Vec<String> {
    let (code, name) = match index % 3 {
        0 => ("TJK", "Tajikistan"),
        1 => ("UZB", "Uzbekistan"),
        _ => ("KGZ", "Kyrgyzstan"),
    };
    let year = 2003 + (index / 3) % 20;
    let count = if random.chance(20) {
        "<5".to_owned()
    } else {
        (20 + random.below(400)).to_string()
    };
    let indicator = match index / 60 % 3 {
        0 => "Persons convicted",
        1 => "Persons prosecuted",
        _ => "Persons brought into formal contact",
    };
    [
        code,
        name,
        "Asia",
        "Central Asia",
        indicator,
        "Total",
        "Total",
        "Total",
        "Total",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([
        year.to_string(),
        "Counts".to_owned(),
        count,
        "EXERCISE".to_owned(),
    ])
    .collect()
}
