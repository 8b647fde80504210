/**
 * Every sentence a person reads on the pages, in English. A name in braces is filled in by `fill` or `<Sentence>`.
 * Another language is another object of this shape.
 */
const english = {
  language: 'en',
  product: 'Falconer',
  titleSeparator: ' · ',
  newTab: '(opens in a new tab)',
  login: {
    title: 'Sign in',
    lead: 'to continue to',
    username: 'User name or e-mail',
    password: 'Password',
    submit: 'Sign in',
    cancel: 'Cancel and go back',
    errorTitle: 'Not signed in',
    wrong: 'The user name or the password is not right. Check both and try again.',
    lockedTitle: 'Please wait',
    locked: 'There were too many attempts. Wait a few minutes, then try again.',
    sessionLimit: 'You are signed in on as many devices as you may be. Sign out on one of them, then try again.',
    remember: 'Keep me signed in',
    rememberHint: 'Not on a computer that others use.',
    crossSite: 'This form was not sent from this page. Please try again.',
  },
  setup: {
    title: 'Make an administrator account',
    lead: 'The link that led you here is good once, and for a quarter of an hour.',
    code: 'Set-up code',
    codeHint: 'What stands behind the # in the link; it is filled in where scripts run.',
    username: 'User name',
    wanted: 'Password',
    hint: 'At least 8 characters. Long is what makes it strong.',
    repeated: 'Password, once more',
    submit: 'Make the account',
    errorTitle: 'The account was not made',
    badCode: 'This link was used already, or it has run out. Ask for another one: falconer admin link.',
    taken: 'There is an account of that name already. Choose another one.',
  },
  setUp: {
    title: 'The account is ready',
    account: 'You can sign in as',
    next: 'Apps that ask for scopes of the admin API now get what your role allows.',
    done: 'Done',
    console: 'Sign in to the console',
  },
  consent: {
    title: 'Allow access?',
    lead: '{client} asks to use your account.',
    list: 'It will be able to:',
    none: 'It asks for nothing beyond knowing that you are here.',
    offline: 'It keeps this access after you sign out, until you or an administrator withdraws it.',
    approve: 'Allow',
    deny: 'Do not allow',
    account: 'Signed in as',
    notYou: 'Not you? Choose “Do not allow”, then sign in with your own account.',
    policy: 'Privacy policy',
    terms: 'Terms of service',
    documents: 'What {client} says about its use of your data:',
  },
  logout: {
    title: 'Sign out?',
    lead: 'Your sign-in here ends. Apps that you opened with it lose their access, except those that you let keep it.',
    account: 'Signed in as',
    from: '{client} asks to sign you out.',
    confirm: 'Sign out',
    stay: 'Stay signed in',
  },
  loggedOut: {
    title: 'You are signed out',
    lead: 'You can close this window.',
    leadClient: 'You can close this window or go back to {client}.',
    shared: 'On a shared computer, close the browser too.',
  },
  password: {
    title: 'Change your password',
    account: 'Signed in as',
    current: 'Current password',
    wanted: 'New password',
    hint: 'At least 8 characters. Several words in a row make a good one.',
    repeated: 'New password again',
    others: 'Sign out everywhere else',
    othersHint: 'On other devices, and in apps that kept their access. Leave it on if someone may know your password.',
    submit: 'Change password',
    cancel: 'Cancel',
    errorTitle: 'Your password was not changed',
    wrong: 'The current password is not right. Check it and try again.',
    unfit: 'The new password {problem}.',
    same: 'The new password is the same as the current one. Choose another.',
    repeatDiffers: 'The two new passwords are not the same. Type the new password into both fields.',
    overtaken: 'It was changed somewhere else a moment ago. What it is now is the current password.',
  },
  passwordChanged: {
    title: 'Your password was changed',
    here: 'You are still signed in here.',
    nowhere: 'You were not signed in anywhere else.',
    once: 'You were signed out in one other place.',
    often: 'You were signed out in {count} other places.',
    apps: 'Apps that had access from elsewhere will ask you to sign in again.',
    othersStay: 'Wherever else you were signed in, you still are.',
    done: 'Done',
  },
  signInFirst: {
    title: 'Sign in first',
    message: 'You are not signed in here, or not any more.',
    next: 'Open one of your apps in this browser and sign in there. Then come back to this page.',
    again: 'Try again',
  },
  error: {
    user: 'You can fix this. Go back to the app and start again from there.',
    developer: 'You did nothing wrong. Only the people who run the app can fix this: tell them the reference below.',
    administrator: 'You can, or somebody whose role allows more.',
    who: 'Who can fix it',
    reference: 'Reference',
    detail: 'Detail for developers',
  },
  errorTitles: {
    refused: 'This request cannot be accepted',
    busy: 'Please try again in a moment',
    failed: 'Something went wrong',
    notFound: 'Not found',
    nothingHere: 'There is nothing at this address.',
    unreadable: 'The address cannot be read.',
  },
  expired: {
    title: 'This page has expired',
    message: 'Too much time has passed since you opened it, or it was already used.',
    next: 'Nothing is lost. Go back to the app and start again.',
    nextClient: 'Nothing is lost. Go back to {client} and start again.',
    again: 'Start again',
  },
  formPost: {
    title: 'One moment',
    message: 'You are being sent back to the app.',
    submit: 'Continue',
    hint: 'If nothing happens, choose Continue.',
  },
  index: {
    title: 'Sign-in server',
    what:
      'Falconer signs people in for your applications and hands them short-lived tokens for your APIs. ' +
      'Its tokens come back when called: end a session, and every service that listens refuses them within moments.',
    issuer: 'Issuer',
    endpoints: 'Where to look',
    account: 'Your account',
    signedIn: 'Signed in as',
    changePassword: 'Change your password',
    signOut: 'Sign out',
    development: 'Development mode',
    developmentHint: 'This server runs with settings for trying things out. Do not put real accounts in it.',
  },
}

/** The shape of a catalogue: what a second language has to provide. */
export type Catalogue = typeof english

/** The catalogue that the pages speak. */
export const text: Catalogue = english

/** What a scope lets an application do, in a person's words; a scope that is not here is shown by its name. */
export const scopeDescriptions: Record<string, string> = {
  openid: 'Know who you are on this server',
  profile: 'See your name and your profile',
  email: 'See your e-mail address',
  address: 'See your postal address',
  phone: 'See your phone number',
  offline_access: 'Use this access while you are away',
}

/** A template of the catalogue as plain text: each `{name}` is replaced by its value. */
export function fill(template: string, values: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}
