//! PIX queries in all six cases, and PDQ queries page by page.

use super::*;

async fn index() -> Desk {
    let desk = Desk::new();
    for (sender, identifier, demographics) in [
        ("REG|NORTH", "1^^^NORTH", AMARA),
        ("REG|SOUTH", "S1^^^SOUTH", AMARA),
        ("REG|SOUTH", "S9^^^SOUTH", AMARA),
        ("LAB|X", "L1^^^LAB~OLD7^^^LABOLD~N-77^^^NID~1^^^NORTH", AMARA),
        ("REG|NORTH", "2^^^NORTH", BORIS),
    ] {
        let message = adt(sender, "A28", identifier, &pid(identifier, demographics));
        assert_eq!(desk.outcome(&message).await, "AA", "{identifier}");
    }
    desk
}

#[tokio::test]
async fn a_pix_query_has_six_answers() {
    let desk = index().await;
    let qak = |answer: &str| {
        let message = Message::read(answer.as_bytes()).unwrap();
        let qak = message.segment("QAK").unwrap();
        (qak.field(1).raw().to_owned(), qak.field(2).raw().to_owned())
    };
    for (rest, status, outcome, numbers) in [
        // Found in a wanted domain; several of one domain; all domains, with what a record may speak for.
        ("1^^^NORTH|^^^LAB", "OK", "AA", "L1^^^LAB&2.999.1.3&ISO"),
        ("1^^^NORTH|^^^SOUTH", "OK", "AA", "S1^^^SOUTH&2.999.1.2&ISO~S9^^^SOUTH&2.999.1.2&ISO"),
        (
            "S1^^^&2.999.1.2&ISO|^^^&2.999.1.1&ISO~^^^NID~^^^LABOLD",
            "OK",
            "AA",
            "1^^^NORTH&2.999.1.1&ISO^MR~OLD7^^^LABOLD&2.999.1.4&ISO~N-77^^^NID&2.999.9&ISO",
        ),
        ("N-77^^^NID|^^^NORTH", "OK", "AA", "1^^^NORTH&2.999.1.1&ISO^MR"),
        // Known, and nothing wanted.
        ("2^^^NORTH|^^^SOUTH", "NF", "AA", ""),
        ("2^^^NORTH|^^^NORTH", "NF", "AA", ""),
        // Unknown identifier, unknown domain, unknown wanted domains.
        ("404^^^NORTH|", "AE", "AE, QPD^1^3^1^1 204 E", ""),
        ("77^^^SOUTH|", "AE", "AE, QPD^1^3^1^1 204 E", ""),
        ("1^^^WEST|", "AE", "AE, QPD^1^3^1^4 204 E", ""),
        ("1|", "AE", "AE, QPD^1^3^1^4 204 E", ""),
        (
            "1^^^NORTH|^^^SOUTH~^^^WEST~^^^&9.9&ISO",
            "AE",
            "AE, QPD^1^4^2 204 E, QPD^1^4^3 204 E",
            "",
        ),
        ("|", "AE", "AE, QPD^1^3^1^1 101 E", ""),
    ] {
        let asked = query(rest);
        let answer = desk.send(&asked).await;
        assert_eq!(qak(&answer), ("T1".to_owned(), status.to_owned()), "{rest}");
        assert_eq!(desk.outcome(&asked).await, outcome, "{rest}");
        let message = Message::read(answer.as_bytes()).unwrap();
        let told = message.segment("PID").map_or("", |pid| pid.field(3).raw());
        assert_eq!(told, numbers, "{rest}");
        let echoed = format!("QPD|IHE PIX Query|T1|{}", rest.trim_end_matches(' '));
        assert!(answer.contains(&echoed), "{answer}");
        if let Some(pid) = message.segment("PID") {
            assert_eq!(pid.field(5).raw(), "~^^^^^^S");
        }
    }
}

#[tokio::test]
async fn the_asked_identifier_is_told_where_that_is_wanted() {
    let desk = Desk::with(MllpConfig { answer_asked_identifier: true, ..MllpConfig::default() });
    let message = adt("REG|NORTH", "A04", "1", &pid("1^^^NORTH", AMARA));
    assert_eq!(desk.outcome(&message).await, "AA");
    assert_eq!(desk.pix("NORTH:1").await, "NORTH:1");
}

fn pdq(criteria: &str, rest: &str, rcp: &str, dsc: &str) -> String {
    let mut text = format!(
        "MSH|^~\\&|KIOSK|HIE|MPI|HIE|2026||QBP^Q22^QBP_Q21|Q|P|2.5\nQPD|IHE PDQ Query|T|{criteria}{rest}\nRCP|I|{rcp}\n"
    );
    if !dsc.is_empty() {
        text.push_str(&format!("DSC|{dsc}|I\n"));
    }
    text
}

/// The first identifier of each person of an answer.
fn found(answer: &str) -> Vec<String> {
    let message = Message::read(answer.as_bytes()).unwrap();
    message.named("PID").map(|pid| pid.field(3).text().into_owned()).collect()
}

#[tokio::test]
async fn a_pdq_query_finds_whoever_meets_all_criteria() {
    let desk = index().await;
    for (criteria, expected) in [
        ("@PID.5.1.1^OKAFOR", vec!["1"]),
        ("@PID.5.1^okaf*", vec!["1"]),
        ("@PID.5.1^IVANOV~@PID.5.2^BORIS", vec!["2"]),
        ("@PID.5.1^IVANOV~@PID.5.2^AMARA", vec![]),
        ("@PID.7^19850214", vec!["1"]),
        ("@PID.7.1^198502", vec!["1"]),
        ("@PID.7^1971~@PID.8^M", vec!["2"]),
        ("@PID.7^1971~@PID.8^F", vec![]),
        ("@PID.5.1^OKAFOR~@PID.11.5^62701~@PID.11.3^springfield~@PID.11.4^IL", vec!["1"]),
        ("@PID.5.1^OKAFOR~@PID.6.1^REYES", vec!["1"]),
        ("@PID.13^(217) 555-0123", vec!["1"]),
        ("@PID.3.1^1~@PID.3.4.1^NORTH", vec!["1"]),
        ("@PID.3.1^L1~@PID.3.4.2^2.999.1.3~@PID.3.4.3^ISO", vec!["1"]),
        ("@PID.3.1^2", vec!["2"]),
        ("@PID.3.1^404", vec![]),
        ("@PID.5.1^NOBODY", vec![]),
    ] {
        let answer = desk.send(&pdq(criteria, "", "", "")).await;
        assert_eq!(found(&answer), expected, "{criteria}\n{answer}");
        let status = if expected.is_empty() { "QAK|T|NF" } else { "QAK|T|OK" };
        assert!(answer.contains(status), "{answer}");
    }
}

#[tokio::test]
async fn a_pdq_answer_tells_the_wanted_domains() {
    let desk = index().await;
    let answer = desk.send(&pdq("@PID.5.1^OKAFOR", "|||||^^^LAB", "", "")).await;
    assert!(answer.contains("\nPID|||L1^^^LAB&2.999.1.3&ISO||OKAFOR^AMARA^N"), "{answer}");
    let none = desk.send(&pdq("@PID.5.1^IVANOV", "|||||^^^LAB", "", "")).await;
    assert_eq!(found(&none), Vec::<String>::new());
    let unknown = pdq("@PID.5.1^OKAFOR", "|||||^^^LAB~^^^WEST", "", "");
    assert_eq!(desk.outcome(&unknown).await, "AE, QPD^1^8^2 204 E");
}

#[tokio::test]
async fn what_leads_to_nobody_is_refused_and_not_answered_in_part() {
    let desk = index().await;
    for (criteria, expected) in [
        ("@PID.8^F", "AE, QPD^1^3 207 E"),
        ("@PID.5.1^O*", "AE, QPD^1^3 207 E"),
        ("@PID.7^85", "AE, QPD^1^3^1 102 E"),
        ("@PID.5.1^OKAFOR~@PID.8^Q", "AE, QPD^1^3^2 103 E"),
        ("@PID.5.1^OKAFOR~@ZZZ.1^Q", "AE, QPD^1^3^2 102 E"),
        ("@PID.3.4.1^NORTH", "AE, QPD^1^3^1 101 E"),
        ("@PID.3.1^1~@PID.3.4.1^WEST", "AE, QPD^1^3^1 204 E"),
    ] {
        assert_eq!(desk.outcome(&pdq(criteria, "", "", "")).await, expected, "{criteria}");
    }
}

#[tokio::test]
async fn an_answer_continues_page_by_page_and_every_person_comes_once() {
    let desk = Desk::new();
    for at in 1..=7 {
        let given = ["ANNA", "BELLA", "CARLA", "DORA", "EMMA", "FRIDA", "GRETA"][at - 1];
        let demographics =
            format!("MEYER^{given}||19{at}00{at}0{at}|F|||{at} ELM ST^^CITY^IL^6060{at}");
        let message =
            adt("REG|NORTH", "A04", &at.to_string(), &pid(&format!("{at}^^^NORTH"), &demographics));
        assert_eq!(desk.outcome(&message).await, "AA");
    }
    let mut pages = Vec::new();
    let mut pointer = String::new();
    loop {
        let answer = desk.send(&pdq("@PID.5.1^MEYER", "", "3^RD", &pointer)).await;
        pages.push(found(&answer));
        let message = Message::read(answer.as_bytes()).unwrap();
        let qak = message.segment("QAK").unwrap();
        let counts: Vec<usize> =
            (4..=6).map(|number| qak.field(number).raw().parse().unwrap()).collect();
        assert_eq!(counts, [7, pages.last().unwrap().len(), 7 - pages.concat().len()]);
        let Some(dsc) = message.segment("DSC") else { break };
        pointer = dsc.field(1).raw().to_owned();
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(pages.concat(), ["1", "2", "3", "4", "5", "6", "7"]);
    // A pointer is good for its own query alone.
    for (criteria, pointer) in [("@PID.5.1^MEYERS", pointer.as_str()), ("@PID.5.1^MEYER", "p:9f3c")]
    {
        let asked = pdq(criteria, "", "3^RD", pointer);
        assert_eq!(desk.outcome(&asked).await, "AE, DSC^1^1 204 E");
    }
    let cancel = "MSH|^~\\&|KIOSK|HIE|MPI|HIE|2026||QCN^J01^QCN_J01|Q|P|2.5\nQID|T|IHE PDQ Query\n";
    assert_eq!(desk.outcome(cancel).await, "AA");
}
