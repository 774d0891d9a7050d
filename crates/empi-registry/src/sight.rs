//! What whoever asks is shown: persons whose data are not to be shared are not, and of all others the fields that the
//! caller's role is there for. Every answer that holds patient data passes here, whatever interface it goes out by.
//!
//! A registry that nobody in particular asks through shows everything: commands on the machine of the index.

use std::sync::atomic::Ordering;

use empi_linkage::Comparison;
use empi_model::{
    Asker, Consent, EnterpriseId, GoldenField, ScoreExplanation, Shown, Sight, SourceRecord,
};

use crate::RegistryError;
use crate::commit::Core;
use crate::mirror::Mirror;
use crate::past::PastDecision;
use crate::registry::Registry;
use crate::words::{PersonView, RecordView, TaskView};

impl Core {
    /// What is asked for about a person.
    fn consent_of(&self, person: EnterpriseId) -> Consent {
        // Most indexes have nobody who asks for anything: then nothing is looked up.
        if self.has_consents.load(Ordering::Acquire) {
            self.mirror.read().consent_of(person)
        } else {
            Consent::default()
        }
    }

    /// Remembers whether anybody asks for anything. Called by whoever changes the mirror, while it is held.
    pub(crate) fn note_consents(&self, mirror: &Mirror) {
        self.has_consents.store(mirror.has_consents(), Ordering::Release);
    }
}

impl Registry {
    fn sight(&self) -> Option<&Sight> {
        self.trail.as_ref().map(|trail| trail.sight())
    }

    /// Who asks.
    pub(crate) fn asker(&self) -> Asker {
        self.trail.as_ref().map_or_else(Asker::command, |trail| trail.asker().clone())
    }

    /// Whether a person is shown to whoever asks, without an emergency.
    pub(crate) fn is_shown_anyway(&self, person: EnterpriseId) -> bool {
        let sees_all = self.sight().is_none_or(Sight::sees_restricted);
        sees_all || !self.core.consent_of(person).not_shared
    }

    /// Whether a person is shown to whoever asks; what is shown for an emergency is remembered as that.
    pub(crate) fn is_shown(&self, person: EnterpriseId) -> bool {
        self.is_shown_anyway(person) || self.is_shown_in_emergency(person)
    }

    /// The same where the mirror is held already.
    pub(crate) fn is_shown_by(&self, mirror: &Mirror, person: EnterpriseId) -> bool {
        self.sight().is_none_or(Sight::sees_restricted)
            || !mirror.consent_of(person).not_shared
            || self.is_shown_in_emergency(person)
    }

    /// Whether nobody is hidden from whoever asks.
    pub(crate) fn sees_everybody(&self) -> bool {
        self.sight().is_none_or(Sight::sees_restricted)
            || !self.core.has_consents.load(Ordering::Acquire)
    }

    fn is_shown_in_emergency(&self, person: EnterpriseId) -> bool {
        let Some(trail) = &self.trail else { return true };
        let until = self.core.glass.until(&trail.asker().name, person, self.core.clock.now());
        if until.is_some() {
            trail.saw_in_emergency();
        }
        until.is_some()
    }

    /// Refuses persons who are not shown to whoever asks. The trail names them.
    pub(crate) fn refuse_restricted(
        &self,
        persons: impl IntoIterator<Item = EnterpriseId>,
    ) -> Result<(), RegistryError> {
        let mut persons = persons.into_iter();
        match persons.find(|person| !self.is_shown(*person)) {
            None => Ok(()),
            Some(person) => Err(self.restricted(person)),
        }
    }

    /// The refusal, which the trail remembers with the person it was about.
    fn restricted(&self, person: EnterpriseId) -> RegistryError {
        self.saw([person]);
        self.trail.iter().for_each(|trail| trail.was_denied());
        RegistryError::Restricted(person)
    }

    /// The same for changing them, to which no emergency gives leave.
    pub(crate) fn refuse_changing(
        &self,
        persons: impl IntoIterator<Item = EnterpriseId>,
    ) -> Result<(), RegistryError> {
        let mut persons = persons.into_iter();
        match persons.find(|person| !self.is_shown_anyway(*person)) {
            None => Ok(()),
            Some(person) => Err(self.restricted(person)),
        }
    }

    /// Takes out of a record what is not shown to whoever asks, and tells of which fields anything was.
    pub(crate) fn mask(&self, record: &mut SourceRecord) -> Vec<GoldenField> {
        self.sight().map_or_else(Vec::new, |sight| sight.mask(record))
    }

    /// A person as whoever asks is shown it.
    pub(crate) fn shown(&self, mut view: PersonView) -> Result<PersonView, RegistryError> {
        let person = view.person.enterprise_id;
        self.refuse_restricted([person])?;
        if view.consent.not_shared
            && !self.is_shown_anyway(person)
            && let Some(trail) = &self.trail
        {
            let now = self.core.clock.now();
            view.emergency_until = self.core.glass.until(&trail.asker().name, person, now);
        }
        Ok(self.mask_person(view))
    }

    /// A record as whoever asks is shown it.
    pub(crate) fn mask_record(&self, mut view: RecordView) -> RecordView {
        view.withheld = self.mask(&mut view.record.record);
        view
    }

    /// The same for a person with all records.
    pub(crate) fn mask_person(&self, mut view: PersonView) -> PersonView {
        let records = view.records.iter_mut().map(|stored| &mut stored.record);
        let mut withheld: Vec<GoldenField> =
            records.chain([&mut view.golden.record]).flat_map(|record| self.mask(record)).collect();
        withheld.sort_unstable();
        withheld.dedup();
        PersonView { withheld, ..view }
    }

    /// The same for a task.
    pub(crate) fn mask_task(&self, mut view: TaskView) -> TaskView {
        for record in [&mut view.incoming, &mut view.candidate] {
            record.withheld = self.mask(&mut record.record.record);
        }
        view.proposed.iter_mut().for_each(|proposed| drop(self.mask(proposed)));
        self.mask_explanation(&mut view.explanation);
        view
    }

    /// The same for a decision of the past.
    pub(crate) fn mask_past(&self, mut past: PastDecision) -> PastDecision {
        for record in [&mut past.incoming, &mut past.candidate] {
            self.mask(&mut record.content);
        }
        self.mask_explanation(&mut past.explanation);
        past
    }

    /// The same for the values that a comparison shows.
    pub(crate) fn mask_explanation(&self, explanation: &mut ScoreExplanation) {
        let Some(sight) = self.sight() else { return };
        for row in &mut explanation.rows {
            let shown = compared_field(&row.label).map(|field| sight.is_shown(field));
            if shown.is_some_and(|shown| shown != Shown::Whole) {
                (row.left, row.right) = (None, None);
            }
        }
    }

    /// Whether a record of a source is whoever asks' own.
    pub(crate) fn owns(&self, source: &str) -> bool {
        self.sight().is_some_and(|sight| sight.owns(source))
    }
}

/// The field that a row of an explanation shows values of.
fn compared_field(label: &str) -> Option<GoldenField> {
    let compared = Comparison::ALL.into_iter().find(|it| it.as_str() == label)?;
    Some(match compared {
        Comparison::Name | Comparison::MiddleName | Comparison::Suffix => GoldenField::Name,
        Comparison::BirthDate => GoldenField::BirthDate,
        Comparison::Sex => GoldenField::Sex,
        Comparison::Ssn => GoldenField::Ssn,
        Comparison::Address => GoldenField::Address,
        Comparison::Phone => GoldenField::Phone,
        Comparison::Email => GoldenField::Email,
        Comparison::Identifier => GoldenField::Identifier,
        Comparison::MotherMaidenName => GoldenField::MotherMaidenName,
    })
}
