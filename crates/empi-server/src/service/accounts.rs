//! AccountService: the programs that may call.

use empi_model::{Domains, Role, ServiceAccount, Timestamp, UserName};
use empi_proto::v1;
use empi_proto::v1::account_service_server::AccountService;
use empi_registry::{AccountStep, Registry};
use tonic::{Request, Response, Status};

use crate::access::{Entry, Permit, Subject, hash_token, random_token};
use crate::convert::InvalidRequest;
use crate::door::Door;

/// Days that a token is valid where the caller names none.
const TOKEN_DAYS_DEFAULT: u32 = 90;

pub(crate) struct AccountCalls {
    pub(crate) door: Door,
}

#[tonic::async_trait]
impl AccountService for AccountCalls {
    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let accounts = self.door.call(permit, |registry| Ok(registry.accounts())).await?;
        let accounts = accounts.iter().map(|account| told(account)).collect();
        Ok(Response::new(v1::ListAccountsResponse { accounts }))
    }

    async fn add_account(
        &self,
        request: Request<v1::AddAccountRequest>,
    ) -> Result<Response<v1::AccountTokenResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let v1::AddAccountRequest { name, role, domains, all_domains, token_days } =
            request.into_inner();
        let role = Role::from_name(&role)
            .ok_or_else(|| InvalidRequest::new("`role` is none: see the list of roles"))?;
        let domains = match (all_domains, domains.is_empty()) {
            (true, false) => {
                let sentence = "`domains` and `all_domains` contradict each other: send one";
                return Err(InvalidRequest::new(sentence).into());
            }
            (true, true) => Domains::All,
            (false, _) => Domains::Only(domains.into_iter().collect()),
        };
        let days = days_of(token_days);
        self.give(permit, &name, |token| AccountStep::Add { role, domains, token, days }).await
    }

    async fn rotate_token(
        &self,
        request: Request<v1::RotateTokenRequest>,
    ) -> Result<Response<v1::AccountTokenResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let v1::RotateTokenRequest { name, token_days, at_once } = request.into_inner();
        let days = days_of(token_days);
        self.give(permit, &name, |token| AccountStep::Rotate { token, days, at_once }).await
    }

    async fn revoke_account(
        &self,
        request: Request<v1::RevokeAccountRequest>,
    ) -> Result<Response<v1::RevokeAccountResponse>, Status> {
        let permit = permit(&self.door, &request)?;
        let name = name_of(&request.into_inner().name)?;
        let revoking =
            move |registry: &Registry| registry.change_account(&name, AccountStep::Revoke);
        let account = self.door.call(permit, revoking).await?;
        Ok(Response::new(v1::RevokeAccountResponse { account: Some(told(&account)) }))
    }
}

impl AccountCalls {
    /// Makes a token, keeps its hash with the account, and tells it: this once.
    async fn give(
        &self,
        permit: Permit,
        name: &str,
        step: impl FnOnce(empi_model::TokenHash) -> AccountStep,
    ) -> Result<Response<v1::AccountTokenResponse>, Status> {
        let name = name_of(name)?;
        let token = random_token().map_err(|error| Status::internal(error.to_string()))?;
        let step = step(hash_token(token.expose()));
        let changing = move |registry: &Registry| registry.change_account(&name, step);
        let account = self.door.call(permit, changing).await?;
        Ok(Response::new(v1::AccountTokenResponse {
            account: Some(told(&account)),
            token: token.expose().to_owned(),
        }))
    }
}

fn permit<T>(door: &Door, request: &Request<T>) -> Result<Permit, Status> {
    Ok(Entry::of(request.extensions())?.permit(door, Subject::Index)?)
}

const fn days_of(asked: u32) -> u32 {
    if asked == 0 { TOKEN_DAYS_DEFAULT } else { asked }
}

fn name_of(text: &str) -> Result<UserName, InvalidRequest> {
    text.parse().map_err(|error| InvalidRequest::new(format!("`name`: {error}")))
}

fn told(account: &ServiceAccount) -> v1::ServiceAccount {
    let (all_domains, domains) = match &account.domains {
        Domains::All => (true, Vec::new()),
        Domains::Only(sources) => (false, sources.iter().cloned().collect()),
    };
    let token = |token: &empi_model::ServiceToken| v1::ServiceToken {
        number: token.number,
        created: Some(time(token.created)),
        expires: Some(time(token.expires)),
    };
    v1::ServiceAccount {
        name: account.name.as_str().to_owned(),
        role: account.role.as_str().to_owned(),
        domains,
        all_domains,
        tokens: account.tokens.iter().map(token).collect(),
        created: Some(time(account.created)),
        is_revoked: account.is_revoked,
    }
}

/// A time as messages carry it.
pub(super) fn time(time: Timestamp) -> empi_proto::Timestamp {
    let nanos = i32::try_from(time.0.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    empi_proto::Timestamp { seconds: time.0.div_euclid(1000), nanos }
}
