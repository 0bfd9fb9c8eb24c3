/** Where people's passwords lie. */
export interface PersonDirectory {
  /**
   * Gives the id to keep in account_user.auth_user_id. The caller holds the e-mail in account_user: a person of that
   * e-mail whom the directory knows already is what a crash left behind, and is replaced.
   */
  createPerson(person: { email: string; password: string; name: string }): Promise<string>
  /** Ends the person's sessions too. */
  deletePerson(authUserId: string): Promise<void>
}
