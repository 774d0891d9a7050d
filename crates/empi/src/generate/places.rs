//! Real combinations of US city, state, ZIP code area and telephone area code, and made-up streets.

use std::sync::LazyLock;

use super::dice::Dice;

/// A city: `weight` is its population in thousands, roughly; `zip3` is the first three digits of its
/// ZIP codes. Populations and codes are common knowledge, rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    weight: u32,
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    zip3: &'static str,
    area_code: u32,
}

macro_rules! places {
    ($($weight:literal $city:literal $state:literal $zip3:literal $area_code:literal)+) => {
        const PLACES: &[Place] = &[$(Place {
            weight: $weight,
            city: $city,
            state: $state,
            zip3: $zip3,
            area_code: $area_code,
        }),+];
    };
}

places! {
    1600 "NEW YORK" "NY" "100" 212      2600 "BROOKLYN" "NY" "112" 718     1400 "BRONX" "NY" "104" 718
    1900 "LOS ANGELES" "CA" "900" 213    450 "LONG BEACH" "CA" "908" 562    200 "GLENDALE" "CA" "912" 818
    2700 "CHICAGO" "IL" "606" 773        180 "AURORA" "IL" "605" 630        150 "ROCKFORD" "IL" "611" 815
    2300 "HOUSTON" "TX" "770" 713       1500 "SAN ANTONIO" "TX" "782" 210  1300 "DALLAS" "TX" "752" 214
     960 "AUSTIN" "TX" "787" 512         940 "FORT WORTH" "TX" "761" 817    680 "EL PASO" "TX" "799" 915
     320 "CORPUS CHRISTI" "TX" "784" 361 260 "LUBBOCK" "TX" "794" 806       200 "AMARILLO" "TX" "791" 806
    1600 "PHOENIX" "AZ" "850" 602        540 "TUCSON" "AZ" "857" 520        500 "MESA" "AZ" "852" 480
    1600 "PHILADELPHIA" "PA" "191" 215   300 "PITTSBURGH" "PA" "152" 412    125 "ALLENTOWN" "PA" "181" 610
      95 "ERIE" "PA" "165" 814            76 "SCRANTON" "PA" "185" 570
    1380 "SAN DIEGO" "CA" "921" 619     1000 "SAN JOSE" "CA" "951" 408      870 "SAN FRANCISCO" "CA" "941" 415
     540 "FRESNO" "CA" "937" 559         520 "SACRAMENTO" "CA" "958" 916    440 "OAKLAND" "CA" "946" 510
     400 "BAKERSFIELD" "CA" "933" 661    320 "STOCKTON" "CA" "952" 209      310 "RIVERSIDE" "CA" "925" 951
     950 "JACKSONVILLE" "FL" "322" 904   440 "MIAMI" "FL" "331" 305         380 "TAMPA" "FL" "336" 813
     310 "ORLANDO" "FL" "328" 407        200 "TALLAHASSEE" "FL" "323" 850   120 "GAINESVILLE" "FL" "326" 352
     900 "COLUMBUS" "OH" "432" 614       370 "CLEVELAND" "OH" "441" 216     310 "CINCINNATI" "OH" "452" 513
     270 "TOLEDO" "OH" "436" 419         190 "AKRON" "OH" "443" 330         140 "DAYTON" "OH" "454" 937
     880 "INDIANAPOLIS" "IN" "462" 317   260 "FORT WAYNE" "IN" "468" 260    120 "EVANSVILLE" "IN" "477" 812
     100 "SOUTH BEND" "IN" "466" 574      70 "LAFAYETTE" "IN" "479" 765      60 "MUNCIE" "IN" "473" 765
     870 "CHARLOTTE" "NC" "282" 704      470 "RALEIGH" "NC" "276" 919       300 "GREENSBORO" "NC" "274" 336
      95 "ASHEVILLE" "NC" "288" 828      740 "SEATTLE" "WA" "981" 206       230 "SPOKANE" "WA" "992" 509
     220 "TACOMA" "WA" "984" 253         720 "DENVER" "CO" "802" 303        480 "COLORADO SPRINGS" "CO" "809" 719
     690 "WASHINGTON" "DC" "200" 202     690 "NASHVILLE" "TN" "372" 615     630 "MEMPHIS" "TN" "381" 901
     190 "KNOXVILLE" "TN" "379" 865      180 "CHATTANOOGA" "TN" "374" 423   680 "OKLAHOMA CITY" "OK" "731" 405
     410 "TULSA" "OK" "741" 918          650 "BOSTON" "MA" "021" 617        200 "WORCESTER" "MA" "016" 508
     155 "SPRINGFIELD" "MA" "011" 413    650 "PORTLAND" "OR" "972" 503      175 "EUGENE" "OR" "974" 541
     640 "LAS VEGAS" "NV" "891" 702      260 "RENO" "NV" "895" 775          630 "DETROIT" "MI" "482" 313
     200 "GRAND RAPIDS" "MI" "495" 616   110 "LANSING" "MI" "489" 517        80 "FLINT" "MI" "485" 810
     620 "LOUISVILLE" "KY" "402" 502     320 "LEXINGTON" "KY" "405" 859     580 "BALTIMORE" "MD" "212" 410
     570 "MILWAUKEE" "WI" "532" 414      270 "MADISON" "WI" "537" 608       105 "GREEN BAY" "WI" "543" 920
     560 "ALBUQUERQUE" "NM" "871" 505     88 "SANTA FE" "NM" "875" 505      500 "KANSAS CITY" "MO" "641" 816
     300 "SAINT LOUIS" "MO" "631" 314    170 "SPRINGFIELD" "MO" "658" 417   500 "ATLANTA" "GA" "303" 404
     200 "AUGUSTA" "GA" "309" 706        150 "SAVANNAH" "GA" "314" 912      150 "MACON" "GA" "312" 478
     490 "OMAHA" "NE" "681" 402          290 "LINCOLN" "NE" "685" 402       450 "VIRGINIA BEACH" "VA" "234" 757
     230 "RICHMOND" "VA" "232" 804       100 "ROANOKE" "VA" "240" 540       430 "MINNEAPOLIS" "MN" "554" 612
     310 "SAINT PAUL" "MN" "551" 651      86 "DULUTH" "MN" "558" 218        380 "NEW ORLEANS" "LA" "701" 504
     220 "BATON ROUGE" "LA" "708" 225    180 "SHREVEPORT" "LA" "711" 318    390 "WICHITA" "KS" "672" 316
     125 "TOPEKA" "KS" "666" 785         310 "NEWARK" "NJ" "071" 973        290 "JERSEY CITY" "NJ" "073" 201
      90 "TRENTON" "NJ" "086" 609        280 "BUFFALO" "NY" "142" 716       210 "ROCHESTER" "NY" "146" 585
     150 "SYRACUSE" "NY" "132" 315       100 "ALBANY" "NY" "122" 518        200 "BIRMINGHAM" "AL" "352" 205
     190 "MOBILE" "AL" "366" 251         200 "MONTGOMERY" "AL" "361" 334    200 "LITTLE ROCK" "AR" "722" 501
     200 "SALT LAKE CITY" "UT" "841" 801 115 "PROVO" "UT" "846" 801         210 "DES MOINES" "IA" "503" 515
     135 "CEDAR RAPIDS" "IA" "524" 319   190 "PROVIDENCE" "RI" "029" 401    150 "BRIDGEPORT" "CT" "066" 203
     120 "HARTFORD" "CT" "061" 860       150 "JACKSON" "MS" "392" 601       135 "COLUMBIA" "SC" "292" 803
     150 "CHARLESTON" "SC" "294" 843     230 "BOISE" "ID" "837" 208         190 "SIOUX FALLS" "SD" "571" 605
     125 "FARGO" "ND" "581" 701          117 "BILLINGS" "MT" "591" 406       65 "CHEYENNE" "WY" "820" 307
     115 "MANCHESTER" "NH" "031" 603      68 "PORTLAND" "ME" "041" 207       44 "BURLINGTON" "VT" "054" 802
      70 "WILMINGTON" "DE" "198" 302      48 "CHARLESTON" "WV" "253" 304    290 "ANCHORAGE" "AK" "995" 907
     350 "HONOLULU" "HI" "968" 808
}

/// Street names, the more frequent the earlier; numbered streets come on top.
const STREETS: &str = "MAIN OAK PARK MAPLE CEDAR PINE ELM WASHINGTON LAKE HILL WALNUT CHURCH SPRING \
    RIDGE LINCOLN JACKSON HIGHLAND RIVER MILL FOREST JEFFERSON SUNSET MADISON CHERRY CHESTNUT FRANKLIN \
    MEADOW VALLEY ADAMS CENTER DOGWOOD HICKORY WILLOW LOCUST BROADWAY SCHOOL RAILROAD COLLEGE GREEN \
    NORTH SOUTH PROSPECT MONROE SYCAMORE COUNTRY CLUB GARFIELD LIBERTY UNION MARKET POPLAR BIRCH \
    COTTAGE GRANT HARRISON HOLLY LAUREL MAGNOLIA ORCHARD PEACH PLEASANT ROSE SPRUCE SUMMIT VINE \
    WOODLAND BEECH CANAL CLINTON CRESTVIEW DIVISION DOUGLAS EVERGREEN FAIRVIEW FIELD GARDEN GLEN \
    GROVE HAMILTON HAWTHORNE HIGH JUNIPER LEXINGTON MULBERRY OLIVE PALM PEARL RIVERSIDE STATE TAYLOR \
    TYLER VICTORIA VIRGINIA WARREN WATER WESTERN WILSON WINDSOR ASPEN ARLINGTON ASHLEY BAYVIEW BELMONT \
    BRENTWOOD BRIARWOOD CAMBRIDGE CANTERBURY CARDINAL CARRIAGE CLEVELAND COLONIAL COVENTRY CYPRESS \
    DEERFIELD EASTWOOD EDGEWOOD ELMWOOD FERNWOOD FOXRUN GLENWOOD GREENWOOD HARVEST HERITAGE HILLCREST \
    HILLSIDE HILLTOP HUNTERS IMPERIAL INDIAN KENSINGTON KINGSTON LAKEVIEW LANCASTER LAKESHORE LINDEN \
    MANOR MARION MEADOWBROOK MONTGOMERY NEWPORT NOTTINGHAM OAKWOOD OXFORD PARKWAY PHEASANT QUAIL \
    QUEENS REDWOOD REGENCY ROLLING ROOSEVELT ROSEWOOD SHADY SHERIDAN SHERWOOD SOMERSET STONE STRATFORD \
    SUMMER TANGLEWOOD TERRACE TIMBER VILLAGE VISTA WEDGEWOOD WESTMINSTER WESTWOOD WHITE WILDWOOD \
    WINTER WOODSIDE YORK";

/// Kinds of street with their abbreviation, and how often each is met.
const STREET_KINDS: [(u32, &str, &str); 8] = [
    (35, "STREET", "ST"),
    (20, "AVENUE", "AVE"),
    (12, "DRIVE", "DR"),
    (12, "ROAD", "RD"),
    (8, "LANE", "LN"),
    (6, "COURT", "CT"),
    (4, "BOULEVARD", "BLVD"),
    (3, "PLACE", "PL"),
];

const DIRECTIONS: [(&str, &str); 4] =
    [("NORTH", "N"), ("SOUTH", "S"), ("EAST", "E"), ("WEST", "W")];

/// Where somebody lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) place: Place,
    /// Five digits.
    pub(super) postal_code: String,
    pub(super) line: AddressLine,
}

/// The line above the city.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AddressLine {
    /// A house in a street, possibly a unit of it.
    Street {
        number: u32,
        /// The long form and the short one.
        direction: Option<(&'static str, &'static str)>,
        name: String,
        /// The long form and the short one.
        kind: (&'static str, &'static str),
        /// Apartment `4`, `12B`.
        unit: Option<String>,
    },
    /// A post-office box.
    Box(u32),
}

impl Place {
    /// A place, larger ones more often.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let mut rest = dice.below(PLACES.iter().map(|place| u64::from(place.weight)).sum());
        for place in PLACES {
            match rest.checked_sub(u64::from(place.weight)) {
                Some(less) => rest = less,
                None => return *place,
            }
        }
        PLACES[0]
    }

    /// A telephone number there: ten digits, of a form that can be dialled.
    pub(super) fn phone(&self, dice: &mut Dice) -> u64 {
        // No exchange such as 411 or 911 is given to a subscriber, and 555 is for films.
        let exchange = loop {
            let exchange = 200 + dice.below(800);
            if exchange % 100 != 11 && exchange != 555 {
                break exchange;
            }
        };
        u64::from(self.area_code) * 10_000_000 + exchange * 10_000 + 1 + dice.below(9_999)
    }

    /// A new address there.
    pub(super) fn address(self, dice: &mut Dice) -> Address {
        let postal_code = format!("{}{:02}", self.zip3, 1 + dice.below(60));
        let line = if dice.chance(30_000) {
            AddressLine::Box(1 + dice.below(9_999) as u32)
        } else {
            street(dice)
        };
        Address { place: self, postal_code, line }
    }
}

fn street(dice: &mut Dice) -> AddressLine {
    let name = if dice.chance(150_000) {
        ordinal(1 + dice.below(60) as u32)
    } else {
        static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| STREETS.split_whitespace().collect());
        // The smaller of two draws: the earlier names are met more often.
        let position = dice.position(NAMES.len()).min(dice.position(NAMES.len()));
        NAMES.get(position).copied().unwrap_or("MAIN").to_owned()
    };
    let (_, long, short) = STREET_KINDS[dice.weighted(&STREET_KINDS.map(|(weight, ..)| weight))];
    let number = match dice.weighted(&[20, 50, 30]) {
        0 => 1 + dice.below(99),
        1 => 100 + dice.below(1_900),
        _ => 2_000 + dice.below(9_000),
    };
    let unit = dice.chance(280_000).then(|| {
        let number = 1 + dice.below(400);
        match dice.below(4) {
            0 => format!("{number}{}", dice.one_of(&['A', 'B', 'C', 'D'])),
            _ => number.to_string(),
        }
    });
    AddressLine::Street {
        number: number as u32,
        direction: dice.chance(220_000).then(|| dice.one_of(&DIRECTIONS)),
        name,
        kind: (long, short),
        unit,
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "ST",
        (2, rest) if rest != 12 => "ND",
        (3, rest) if rest != 13 => "RD",
        _ => "TH",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::super::dice::Purpose;
    use super::*;

    #[test]
    fn the_table_of_places_is_well_formed() {
        for place in PLACES {
            assert!(
                place.weight > 0 && place.state.len() == 2 && place.zip3.len() == 3,
                "{place:?}"
            );
            assert!((201..=989).contains(&place.area_code), "{place:?}");
            assert_eq!(place.city, place.city.to_uppercase());
        }
        let mut keys: Vec<_> = PLACES.iter().map(|place| (place.city, place.state)).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a city stands there twice");
    }

    #[test]
    fn addresses_and_phones_fit_their_place() {
        let mut dice = Dice::new(9, Purpose::People, 0);
        for _ in 0..1_000 {
            let place = Place::draw(&mut dice);
            let address = place.address(&mut dice);
            assert_eq!(address.postal_code.len(), 5);
            assert_eq!(address.postal_code.get(..3), Some(place.zip3));
            let phone = place.phone(&mut dice).to_string();
            assert!(
                phone.len() == 10 && phone.starts_with(&place.area_code.to_string()),
                "{phone}"
            );
        }
    }

    #[test]
    fn numbered_streets_are_read_aloud_correctly() {
        for (number, text) in
            [(1, "1ST"), (2, "2ND"), (3, "3RD"), (4, "4TH"), (11, "11TH"), (22, "22ND")]
        {
            assert_eq!(ordinal(number), text);
        }
    }
}
