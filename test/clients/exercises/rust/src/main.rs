//! Calls a server with tonic, and prints a line of JSON for each step: exercise URL [AUTHORITIES]
use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use prost_types::{Struct, Value, value::Kind};
use serde_json::json;
use tonic::Status;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use rollcall::user_service_client::UserServiceClient;
use rollcall::{
    BatchIdentifyRequest, CountUsersRequest, FindUsersRequest, GetUserRequest, IdentifyRequest,
    Match, Outcome, ScanUsersRequest, User, UserFilter, r#match::Condition,
};

mod rollcall {
    tonic::include_proto!("rollcall.v1");
}

const STEP: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 100;
const MESSAGES: usize = 30;
const PER_MESSAGE: usize = 100;

type Users = UserServiceClient<Channel>;
type Outcomes = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcomes {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut endpoint = Endpoint::from_shared(args[0].clone())?.timeout(STEP);
    if let Some(file) = args.get(1) {
        let authorities = Certificate::from_pem(std::fs::read(file)?);
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(authorities))?;
    }
    let users = UserServiceClient::new(endpoint.connect().await?);
    report("identify", identify(users.clone())).await;
    report("get", get(users.clone())).await;
    report("search", search(users.clone())).await;
    report("error", fail(users.clone())).await;
    report("refusals", be_refused(users.clone())).await;
    report("large", large(users.clone())).await;
    report("batch", batch(users.clone())).await;
    report("crowd", crowd(users)).await;
    Ok(())
}

async fn report(step: &str, run: impl Future<Output = Outcomes>) {
    match run.await {
        Ok(()) => println!("{}", json!({"step": step, "ok": true})),
        Err(error) => println!(
            "{}",
            json!({"step": step, "ok": false, "why": error.to_string()})
        ),
    }
}

fn text(value: &str) -> Value {
    Value {
        kind: Some(Kind::StringValue(value.to_owned())),
    }
}

fn ada() -> BTreeMap<String, Value> {
    [("name", "Ada"), ("email", "ada@example.com")]
        .map(|(name, value)| (name.to_owned(), text(value)))
        .into()
}

fn person(id: String, fields: BTreeMap<String, Value>) -> IdentifyRequest {
    IdentifyRequest {
        id,
        properties: Some(Struct { fields }),
        ..Default::default()
    }
}

async fn user_of(mut users: Users, id: &str) -> Result<User, Box<dyn Error>> {
    let request = GetUserRequest {
        id: id.to_owned(),
        ..Default::default()
    };
    Ok(users
        .get_user(request)
        .await?
        .into_inner()
        .user
        .ok_or("the answer has no user")?)
}

async fn identify(mut users: Users) -> Outcomes {
    let answer = users
        .identify(person("u".to_owned(), ada()))
        .await?
        .into_inner();
    if answer.outcome() == Outcome::Created {
        Ok(())
    } else {
        Err(format!("the outcome is {:?}", answer.outcome()).into())
    }
}

async fn get(users: Users) -> Outcomes {
    let user = user_of(users, "u").await?;
    let name = user
        .properties
        .as_ref()
        .and_then(|properties| properties.fields.get("name"));
    if name == Some(&text("Ada")) {
        Ok(())
    } else {
        Err(format!("the name is {name:?}").into())
    }
}

fn equal_to(property: &str, value: &str) -> Option<Match> {
    Some(Match {
        property: property.to_owned(),
        condition: Some(Condition::Equals(text(value))),
    })
}

/// Finds the one user, counts it and scans for it.
async fn search(mut users: Users) -> Outcomes {
    let r#match = equal_to("email", "ADA@EXAMPLE.COM");
    let find = FindUsersRequest {
        r#match: r#match.clone(),
        ..Default::default()
    };
    let found = users.find_users(find).await?.into_inner().users;
    let counted = users.count_users(CountUsersRequest { r#match }).await?;
    let scan = ScanUsersRequest {
        r#where: Some(UserFilter {
            properties: Some(Struct { fields: ada() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let scanned = users.scan_users(scan).await?.into_inner().users;
    let count = counted.into_inner().count;
    for some in [&found, &scanned] {
        if some.len() != 1 || some[0].id != "u" {
            return Err(format!("found {some:?}").into());
        }
    }
    if count == 1 {
        Ok(())
    } else {
        Err(format!("counted {count}").into())
    }
}

async fn fail(mut users: Users) -> Outcomes {
    let request = GetUserRequest {
        id: "nobody".to_owned(),
        ..Default::default()
    };
    expect_reason("USER_NOT_FOUND", users.get_user(request).await)
}

async fn be_refused(mut users: Users) -> Outcomes {
    let find = FindUsersRequest {
        r#match: equal_to("phone", "555 0100"),
        ..Default::default()
    };
    expect_reason("PROPERTY_NOT_INDEXED", users.find_users(find).await)?;
    let r#match = equal_to("email", &"x".repeat(257));
    let count = users.count_users(CountUsersRequest { r#match }).await;
    expect_reason("INVALID_MATCH", count)
}

fn expect_reason<T>(reason: &str, answer: Result<T, Status>) -> Outcomes {
    let Err(status) = answer else {
        return Err("the call succeeded".into());
    };
    // An ErrorInfo, whose type tonic does not have.
    let reason = reason.as_bytes();
    let has_reason = status
        .details()
        .windows(reason.len())
        .any(|part| part == reason);
    if has_reason {
        Ok(())
    } else {
        Err(format!("no reason in {status:?}").into())
    }
}

/// Reads an answer of 240,000 bytes.
async fn large(mut users: Users) -> Outcomes {
    let mut fields = ada();
    for name in ["a", "b", "c", "d"] {
        fields.insert(name.to_owned(), text(&name.repeat(60_000)));
    }
    users
        .identify(person("large".to_owned(), fields.clone()))
        .await?;
    let found = user_of(users, "large").await?.properties;
    if found == Some(Struct { fields }) {
        Ok(())
    } else {
        Err("a property is another".into())
    }
}

async fn batch(mut users: Users) -> Outcomes {
    let requests: Vec<_> = (0..MESSAGES)
        .map(|at| BatchIdentifyRequest {
            requests: (0..PER_MESSAGE)
                .map(|item| person(format!("batch-{at}-{item}"), ada()))
                .collect(),
            ..Default::default()
        })
        .collect();
    let mut stream = users
        .batch_identify(tokio_stream::iter(requests))
        .await?
        .into_inner();
    let (mut answers, mut created) = (0, 0);
    while let Some(answer) = stream.message().await? {
        answers += 1;
        created += answer.created;
    }
    let all = answers == MESSAGES && usize::try_from(created)? == MESSAGES * PER_MESSAGE;
    if all {
        Ok(())
    } else {
        Err(format!("{answers} answers: {created} created").into())
    }
}

async fn crowd(users: Users) -> Outcomes {
    let local = tokio::task::LocalSet::new();
    let calls: Vec<_> = (0..AT_ONCE)
        .map(|_| local.spawn_local(get_told(users.clone())))
        .collect();
    local.await;
    for call in calls {
        call.await??;
    }
    Ok(())
}

async fn get_told(users: Users) -> Result<(), String> {
    get(users).await.map_err(|error| error.to_string())
}
