//! What each event of ADT does, and what is refused.

use super::*;

async fn registered(desk: &Desk, sender: &str, identifier: &str, demographics: &str) {
    let message = adt(sender, "A04", &format!("R-{identifier}"), &pid(identifier, demographics));
    assert_eq!(desk.outcome(&message).await, "AA", "{identifier}");
}

#[tokio::test]
async fn a_patient_of_two_hospitals_is_one_person_with_both_numbers() {
    let desk = Desk::new();
    registered(&desk, "REG|NORTH", "1^^^NORTH&2.999.1.1&ISO", AMARA).await;
    registered(&desk, "REG|SOUTH", "S1^^^SOUTH", AMARA).await;
    registered(&desk, "REG|SOUTH", "S2^^^SOUTH", BORIS).await;
    assert_eq!(desk.pix("NORTH:1").await, "SOUTH:S1");
    assert_eq!(desk.pix("SOUTH:S1").await, "NORTH:1");
    assert_eq!(desk.pix("SOUTH:S2").await, "NF");
}

#[tokio::test]
async fn a_message_that_comes_again_is_answered_as_before_and_changes_nothing() {
    let desk = Desk::new();
    let first = adt("REG|NORTH", "A04", "R-1", &pid("1^^^NORTH", AMARA));
    let second = adt("REG|NORTH", "A08", "R-2", "PID|||1^^^NORTH||||||||7 NEW ST^^CHICAGO");
    for message in [&first, &second] {
        assert_eq!(desk.outcome(message).await, "AA");
    }
    let events = desk.events();
    for message in [&first, &second, &first] {
        assert_eq!(desk.outcome(message).await, "AA");
    }
    assert_eq!(desk.events(), events);
    // The same control ID with another body is another message.
    let other = adt("REG|NORTH", "A08", "R-2", "PID|||1^^^NORTH||||||||8 NEW ST^^CHICAGO");
    assert_eq!(desk.outcome(&other).await, "AA");
    assert!(desk.events() > events);
}

#[tokio::test]
async fn an_update_leaves_what_it_does_not_say_and_deletes_what_it_says() {
    let desk = Desk::new();
    registered(&desk, "REG|NORTH", "1^^^NORTH", AMARA).await;
    let update = adt("REG|NORTH", "A08", "U", "PID|||1^^^NORTH|||\"\"||||| 1 NEW ST^^CHICAGO^IL");
    assert_eq!(desk.outcome(&update).await, "AA");
    let answer = desk.send(&pdq("@PID.5.1^okafor")).await;
    assert!(answer.contains("OKAFOR^AMARA^N"), "{answer}");
    assert!(answer.contains("1 NEW ST^^CHICAGO^IL") && answer.contains("|19850214|F|"));
    assert!(!answer.contains("REYES") && !answer.contains("ELM"));
    assert!(!answer.contains("457"), "the SSN stays inside");
}

fn pdq(criteria: &str) -> String {
    format!(
        "MSH|^~\\&|KIOSK|HIE|MPI|HIE|2026||QBP^Q22^QBP_Q21|Q|P|2.5\nQPD|IHE PDQ Query|T|{criteria}\nRCP|I\n"
    )
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_its_place() {
    let desk = Desk::new();
    registered(&desk, "REG|NORTH", "1^^^NORTH", AMARA).await;
    let north = |event, segments: &str| adt("REG|NORTH", event, "X", segments);
    for (message, expected) in [
        (north("A04", ""), "AE, PID^1 100 E"),
        (north("A04", "PID|||2^^^&&||X^Y"), "AE, PID^1^3^1^4 204 E"),
        (north("A04", "PID|||2||X^Y"), "AA"),
        (north("A04", "PID|||2^^^&2.999.1.1||X^Y"), "AE, PID^1^3^1^4 204 E"),
        (north("A04", "PID|||2^^^NORTH&2.999.1.2&ISO||X^Y"), "AE, PID^1^3^1^4 204 E"),
        (north("A04", "PID|||2^^^WEST||X^Y"), "AR, PID^1^3^1^4 204 E"),
        (north("A04", "PID|||2^^^SOUTH||X^Y"), "AR, PID^1^3^1^4 204 E"),
        (north("A04", "PID|||2^^^NID||X^Y"), "AE, PID^1^3 101 E"),
        (north("A04", "PID|||||X^Y"), "AE, PID^1^3 101 E"),
        (north("A04", "PID|||9^^^NORTH||"), "AE, PID^1^5 101 E"),
        (north("A04", "PID|||10^^^NORTH||||20260101"), "AA"),
        (north("A04", "PID|||3^^^NORTH~77^^^SOUTH~N7^^^NID||X^Y"), "AA"),
        (north("A04", "PID|||4^^^NORTH||X^Y||1985x2|Q"), "AA, PID^1^7 102 W, PID^1^8 103 W"),
        (north("A99", "PID|||4^^^NORTH||X^Y"), "AR, MSH^1^9^1^2 201 E"),
        (north("A40", "PID|||1^^^NORTH||X"), "AE, MRG^1 100 E"),
        (north("A40", "PID|||1^^^NORTH||X\nMRG|"), "AE, MRG^1^1 101 E"),
        (north("A40", "PID|||1^^^NORTH||X\nMRG|1^^^NORTH"), "AE, MRG^1^1^1^1 205 E"),
        (north("A40", "PID|||1^^^NORTH||X\nMRG|S1^^^SOUTH"), "AR, MRG^1^1^1^4 204 E"),
        (north("A24", "PID|||1^^^NORTH\nPID|||404^^^NORTH"), "AE, PID^1^3 204 E"),
        (north("A24", "PID|||1^^^NORTH"), "AE, PID^2 100 E"),
        (north("A24", "PID|||1^^^NORTH\nPID|||1^^^NORTH"), "AE, PID^2^3 205 E"),
        (adt("LAB|X", "A04", "X", "PID|||5||X^Y"), "AE, PID^1^3^1^4 204 E"),
        (adt("LAB|X", "A04", "X", "PID|||5^^^LAB~6^^^LABOLD||X^Y"), "AA"),
        ("MSH|^~\\&|A|B|||2026||ORU^R01|1|P|2.5\n".to_owned(), "AR, MSH^1^9^1^1 200 E"),
        ("MSH|^~\\&|A|B|||2026||ADT^A04|1|X|2.5\n".to_owned(), "AR, MSH^1^11^1^1 202 E"),
        ("MSH|^~\\&|A|B|||2026||ADT^A04|1|P|3.0\n".to_owned(), "AR, MSH^1^12^1^1 203 E"),
        ("MSH|^~\\&|A|B|||2026||ADT^A04||P|2.5\n".to_owned(), "AE, MSH^1^10 101 E"),
        ("MSH|^~\\&|A|B|||2026||ADT^A04|1|P|2.5\nPID|1\n".to_owned(), "AE, EVN^1 100 E"),
        ("MSH|^~\\&|A|B|||2026||ADT^A04|1|P|2.5||||||MOON\n".to_owned(), "AE, MSH^1^18 103 E"),
        ("no message at all".to_owned(), "AE, MSH^1 100 E"),
    ] {
        assert_eq!(desk.outcome(&message).await, expected, "{message}");
    }
}

#[tokio::test]
async fn a_merge_gives_the_old_numbers_person_to_the_survivor() {
    let desk = Desk::new();
    registered(&desk, "REG|NORTH", "1^^^NORTH", AMARA).await;
    registered(&desk, "REG|NORTH", "2^^^NORTH", BORIS).await;
    registered(&desk, "REG|SOUTH", "S1^^^SOUTH", AMARA).await;
    registered(&desk, "REG|NORTH", "5^^^NORTH", "LI^WEI||19660606|M").await;
    let merge = |control, new: &str, old: &str| {
        adt("REG|NORTH", "A40", control, &format!("PID|||{new}^^^NORTH||X\nMRG|{old}^^^NORTH"))
    };
    assert_eq!(desk.outcome(&merge("M1", "1", "2")).await, "AA");
    // The old number still leads to the survivor's, and is not told itself.
    assert_eq!(desk.pix("NORTH:2").await, "NORTH:1 SOUTH:S1");
    assert_eq!(desk.pix("SOUTH:S1").await, "NORTH:1");
    let events = desk.events();
    for (control, new, old, expected) in [
        ("M1", "1", "2", "AA"),
        ("M2", "1", "2", "AA"),
        // Nobody has it: nothing to do.
        ("M3", "1", "404", "AA"),
        ("M4", "5", "2", "AE, MRG^1^1 204 E"),
        ("M5", "2", "5", "AE, PID^1^3 204 E"),
    ] {
        assert_eq!(desk.outcome(&merge(control, new, old)).await, expected, "{control}");
    }
    assert_eq!(desk.events(), events);
    // Whoever is gone cannot be changed any more.
    let update = adt("REG|NORTH", "A08", "U", &pid("2^^^NORTH", BORIS));
    assert_eq!(desk.outcome(&update).await, "AE, PID^1^3 204 E");
}

#[tokio::test]
async fn a_record_gets_another_number_and_its_person_keeps_the_others() {
    let desk = Desk::new();
    for (event, old, new) in [("A40", "1", "101"), ("A47", "2", "102")] {
        registered(&desk, "REG|NORTH", &format!("{old}^^^NORTH"), AMARA).await;
        registered(&desk, "REG|SOUTH", "S1^^^SOUTH", AMARA).await;
        let segments = format!("PID|||{new}^^^NORTH||X\nMRG|{old}^^^NORTH");
        let rename = adt("REG|NORTH", event, &format!("N-{new}"), &segments);
        assert_eq!(desk.outcome(&rename).await, "AA");
        let told = desk.pix("SOUTH:S1").await;
        assert!(told.split(' ').any(|it| it == format!("NORTH:{new}")), "{told}");
        assert!(!told.split(' ').any(|it| it == format!("NORTH:{old}")), "{told}");
        let events = desk.events();
        assert_eq!(desk.outcome(&rename).await, "AA");
        assert_eq!(desk.events(), events);
    }
    registered(&desk, "REG|NORTH", "3^^^NORTH", BORIS).await;
    let taken = "PID|||101^^^NORTH||X\nMRG|3^^^NORTH";
    let rename = adt("REG|NORTH", "A47", "N-3", taken);
    assert_eq!(desk.outcome(&rename).await, "AE, PID^1^3 205 E");
    // A sparse record, of which scoring would not say that it is the same.
    registered(&desk, "REG|NORTH", "4^^^NORTH", "LI^WEI||19660606|M").await;
    let rename = adt("REG|NORTH", "A47", "N-4", "PID|||104^^^NORTH||X\nMRG|4^^^NORTH");
    assert_eq!(desk.outcome(&rename).await, "AA");
    assert_eq!(desk.pix("NORTH:4").await, "NORTH:104");
}

#[tokio::test]
async fn links_and_unlinks_of_a_source_outlast_scoring() {
    let desk = Desk::new();
    registered(&desk, "REG|NORTH", "1^^^NORTH", AMARA).await;
    registered(&desk, "REG|NORTH", "2^^^NORTH", BORIS).await;
    let both =
        |event, control| adt("REG|NORTH", event, control, "PID|||1^^^NORTH\nPID|||2^^^NORTH");
    assert_eq!(desk.pix("NORTH:1").await, "NF");
    assert_eq!(desk.outcome(&both("A24", "L1")).await, "AA");
    assert_eq!(desk.pix("NORTH:1").await, "NORTH:2");
    assert_eq!(desk.outcome(&both("A37", "L2")).await, "AA");
    assert_eq!(desk.pix("NORTH:1").await, "NF");
    let events = desk.events();
    assert_eq!(desk.outcome(&both("A37", "L3")).await, "AA");
    assert_eq!(desk.events(), events);
    // Now the second says all that the first does: it stays apart.
    let update = adt("REG|NORTH", "A08", "U", &pid("2^^^NORTH", AMARA));
    assert_eq!(desk.outcome(&update).await, "AA");
    assert_eq!(desk.pix("NORTH:1").await, "NF");
    assert!(desk.outcome(&both("A24", "L4")).await.starts_with("AE"));
}
