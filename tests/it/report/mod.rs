//! The reports, for people, pipelines and machines.

mod events;
mod failures;
mod json;
mod junit;
mod pipelines;
mod places;
mod readers;
mod report_files;
mod reproduce;
mod screens;
mod statuses;
mod trace;
mod unreached;
mod unread;
