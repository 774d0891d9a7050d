//! Addresses as they are written, and as they come out.

use super::*;

fn shown(line: &str) -> String {
    let Street { number, name, unit } = read_street(line, &mut Notes::default());
    format!("{number}|{name}|{unit}")
}

fn check(cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(shown(line), *expected, "{line}");
        let street = read_street(line, &mut Notes::default());
        let again = read_street(&street_line(&street.number, &street.name), &mut Notes::default());
        assert_eq!((again.number, again.name), (street.number, street.name), "{line}, again");
    }
}

#[test]
fn suffixes_and_directions() {
    check(&[
        ("12 Elm Street", "12|ELM ST|"),
        ("12 elm st.", "12|ELM ST|"),
        ("6 tullaroop street", "6|TULLAROOP ST|"),
        ("123 North Main Street", "123|N MAIN ST|"),
        ("123 N. Main St", "123|N MAIN ST|"),
        ("45 North St", "45|NORTH ST|"),
        ("45 N St", "45|N ST|"),
        ("45 South West St", "45|S WEST ST|"),
        ("45 South Street West", "45|SOUTH ST W|"),
        ("12 North East St", "12|N EAST ST|"),
        ("100 East Ave", "100|EAST AVE|"),
        ("500 N.W. 12th Ave", "500|NW 12TH AVE|"),
        ("500 North West 12th Ave", "500|NW 12TH AVE|"),
        ("12 Main Street North", "12|MAIN ST N|"),
        ("12 Elm Street South East", "12|ELM ST SE|"),
        ("12 North Avenue North", "12|NORTH AVE N|"),
        ("45 Martin Luther King Boulevard NW", "45|MARTIN LUTHER KING BLVD NW|"),
        ("12 Avenue A", "12|AVE A|"),
        ("12 Avenue N", "12|AVE N|"),
        ("12 Avenue of the Americas", "12|AVENUE OF THE AMERICAS|"),
        ("12 The Crescent", "12|THE CRES|"),
        ("12 Park Ave S", "12|PARK AVE S|"),
        ("34-12 Park Avenue", "34 12|PARK AVE|"),
        ("12 Saint James Street", "12|ST JAMES ST|"),
        ("12 St John's Rd", "12|ST JOHNS RD|"),
        ("12 Mount Vernon Ave", "12|MT VERNON AVE|"),
        ("12 Mount Ave", "12|MOUNT AVE|"),
        ("Broadway", "|BROADWAY|"),
        ("N Main St", "|N MAIN ST|"),
        ("12 Calle Sol", "12|CALLE SOL|"),
        ("", "||"),
    ]);
}

#[test]
fn numbers_and_ordinals() {
    check(&[
        ("200 Seventh Avenue", "200|7TH AVE|"),
        ("200 7th Ave", "200|7TH AVE|"),
        ("200 7 Ave", "200|7TH AVE|"),
        ("200 Twenty-First St", "200|21ST ST|"),
        ("200 Twentieth Ave", "200|20TH AVE|"),
        ("1 1st St", "1|1ST ST|"),
        ("34-12 Bell Boulevard", "34 12|BELL BLVD|"),
        ("34-12 36 Street", "34 12|36TH ST|"),
        ("12 1/2 Oak Lane", "12 1 2|OAK LN|"),
        ("12½ Oak Lane", "12 1 2|OAK LN|"),
        ("12-B Oak Lane", "12B|OAK LN|"),
        ("00012 Oak Lane", "12|OAK LN|"),
        ("0 Oak Lane", "|OAK LN|"),
        ("One Main St", "1|MAIN ST|"),
        ("W204N8151 Lannon Rd", "W204N8151|LANNON RD|"),
        ("No. 5 Main St", "5|MAIN ST|"),
        ("12", "12||"),
    ]);
}

#[test]
fn units() {
    check(&[
        ("123 North Main Street Apt 4B", "123|N MAIN ST|4B"),
        ("123 N. Main St #4 B", "123|N MAIN ST|4B"),
        ("123 Main St Apt # 4", "123|MAIN ST|4"),
        ("123 Main St Apt. #4-B", "123|MAIN ST|4B"),
        ("123 Main St Apt4B", "123|MAIN ST|4B"),
        ("123 Main St 4B", "123|MAIN ST|4B"),
        ("123 Main St #", "123|MAIN ST|"),
        ("12 Broadway Unit B", "12|BROADWAY|B"),
        ("12 Main St Ste. 200-A", "12|MAIN ST|200A"),
        ("12 Main St 2nd Floor", "12|MAIN ST|2"),
        ("12 Main St Fl 2", "12|MAIN ST|2"),
        ("12 Main St Bldg 3 Apt 4", "12|MAIN ST|3 4"),
        ("12 Main St Rear", "12|MAIN ST|REAR"),
        ("12 Main St Basement", "12|MAIN ST|BSMT"),
        ("12 Main St Upper", "12|MAIN ST|UPPR"),
        ("12 Main St PH 3", "12|MAIN ST|PH3"),
        ("12 Main St Apt", "12|MAIN ST|"),
        ("Apt 4 123 Main St", "123|MAIN ST|4"),
        ("#4 123 Main St", "123|MAIN ST|4"),
        ("Flat 3, 12 Bell Street", "12|BELL ST|3"),
        ("Unit 3/12 Bell Street", "12|BELL ST|3"),
        ("3/12 Bell Street", "12|BELL ST|3"),
        ("U3/12 Bell St", "12|BELL ST|3"),
        ("Sunset Trailer Park Lot 5", "|SUNSET TRAILER PARK|5"),
        ("123 Key West Dr", "123|KEY WEST DR|"),
        ("123 Stop 8 Rd", "123|STOP 8 RD|"),
        ("123 Upper Valley Rd", "123|UPPER VALLEY RD|"),
        ("123 W Front", "123|W FRONT|"),
        ("123 Front St", "123|FRONT ST|"),
        ("123 No Name Rd", "123|NO NAME RD|"),
    ]);
}

#[test]
fn deliveries_without_a_house() {
    check(&[
        ("P.O. Box 0456", "456|PO BOX|"),
        ("PO Bx 456", "456|PO BOX|"),
        ("P O Box 456", "456|PO BOX|"),
        ("P.O.Box456", "456|PO BOX|"),
        ("POB 456", "456|PO BOX|"),
        ("Post Office Box 12-B", "12B|PO BOX|"),
        ("Box #456", "456|PO BOX|"),
        ("PO Drawer A", "A|PO BOX|"),
        ("45 Main St, PO Box 123", "45|MAIN ST|"),
        ("PO Box 123, 45 Main St", "45|MAIN ST|"),
        ("RR 3 Box 98D", "98D|RR 3|"),
        ("R.R. 3 Box 98-D", "98D|RR 3|"),
        ("RFD 3 Box 98D", "98D|RR 3|"),
        ("RD 3 Box 98D", "98D|RR 3|"),
        ("Rural Route 03 Box #98D Bryan Dairy Rd", "98D|RR 3|"),
        ("RR 3", "|RR 3|"),
        ("HC 68 Box 98", "98|HC 68|"),
        ("Star Route Box 12", "12|HC|"),
        ("PSC 3 Box 4120", "4120|PSC 3|"),
        ("Unit 2050 Box 4190", "4190|UNIT 2050|"),
        ("123 Main St c/o John Smith", "123|MAIN ST|"),
        ("C/O John Smith 123 Main St", "123|MAIN ST|"),
    ]);
}

#[test]
fn numbered_roads() {
    check(&[
        ("123 Hwy 64", "123|HIGHWAY 64|"),
        ("US Hwy 44", "|US HIGHWAY 44|"),
        ("123 US-44", "123|US HIGHWAY 44|"),
        ("123 U.S. Route 44", "123|US HIGHWAY 44|"),
        ("123 US 41 SW", "123|US HIGHWAY 41 SW|"),
        ("123 I10", "123|INTERSTATE 10|"),
        ("123 IH280", "123|INTERSTATE 280|"),
        ("123 Interstate Hwy 680", "123|INTERSTATE 680|"),
        ("123 CR 441", "123|COUNTY ROAD 441|"),
        ("123 County Rd 441", "123|COUNTY ROAD 441|"),
        ("123 Cnty Hwy 60E", "123|COUNTY HIGHWAY 60E|"),
        ("123 Farm to Market Rd 1200", "123|FM 1200|"),
        ("123 Hwy FM 1320", "123|FM 1320|"),
        ("123 Rt 88", "123|ROUTE 88|"),
        ("123 SR 220", "123|STATE ROAD 220|"),
        ("123 St Hwy 303", "123|STATE HIGHWAY 303|"),
        ("123 State Rte 260", "123|STATE ROUTE 260|"),
        ("123 Township Rd 20", "123|TOWNSHIP ROAD 20|"),
        ("123 Ranch Rd 620", "123|RANCH ROAD 620|"),
        ("123 Kentucky 440", "123|KY HIGHWAY 440|"),
        ("123 KY 1207", "123|KY HIGHWAY 1207|"),
        ("123 Kentucky State Highway 625", "123|KY STATE HIGHWAY 625|"),
        ("123 California County Road 555", "123|CA COUNTY ROAD 555|"),
        ("123 Hwy 11 Bypass", "123|HIGHWAY 11 BYP|"),
        ("123 I 26 Byp Road", "123|INTERSTATE 26 BYPASS RD|"),
        ("123 I 44 Frontage Road", "123|INTERSTATE 44 FRONTAGE RD|"),
        ("123 Old Hwy 64", "123|OLD HIGHWAY 64|"),
        ("123 Lincoln Hwy", "123|LINCOLN HWY|"),
        ("123 Oklahoma Ave", "123|OKLAHOMA AVE|"),
        ("123 I Street", "123|I ST|"),
        ("123 US Grant", "123|US GRANT|"),
    ]);
}

#[test]
fn placeholders_are_noted() {
    for line in
        ["Homeless", "HOMELESS SHELTER", "unknown", "N/A", "General Delivery", "Same as above"]
    {
        let mut notes = Notes::default();
        assert_eq!(read_street(line, &mut notes), Street::default(), "{line}");
        assert_eq!(notes.into_vec(), [QualityNote::Placeholder(RecordField::Street)], "{line}");
    }
}

#[test]
fn places() {
    for (city, state, code, expected) in [
        ("Saint Louis", "Missouri", "63101-1234", "ST LOUIS|MO|63101"),
        ("Boston", "MA", "2139", "BOSTON|MA|02139"),
        ("Boston MA", "Mass.", "021391234", "BOSTON|MA|02139"),
        ("Boston", "ma", "21391234", "BOSTON|MA|02139"),
        ("San Juan", "PR", "901", "SAN JUAN|PR|00901"),
        ("New York", "N.Y.", "10001", "NEW YORK|NY|10001"),
        ("Washington", "D.C.", "20001", "WASHINGTON|DC|20001"),
        ("Sydney", "nsw", "2000", "SYDNEY|NSW|2000"),
        ("Sydney", "New South Wales", "2000", "SYDNEY|NSW|2000"),
        ("APO", "AE", "9012", "APO|AE|09012"),
        ("London", "", "SW1A 1AA", "LONDON||SW1A1AA"),
        ("Unknown", "", "00000", "||"),
        ("", "", "99999", "||"),
    ] {
        let address = PostalAddress {
            city: PatientText::non_blank(city),
            state: PatientText::non_blank(state),
            postal_code: PatientText::non_blank(code),
            ..PostalAddress::default()
        };
        let address = normalize_address(&address, None, &mut Notes::default()).unwrap_or_default();
        let shown = [address.city, address.state, address.postal_code]
            .map(|part| part.map_or_else(String::new, PatientText::into_exposed));
        assert_eq!(shown.join("|"), expected);
    }
}
